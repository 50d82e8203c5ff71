"""A generated CT series for demonstrations, tests and benchmarks: realistic, and of nobody."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator

    import numpy as np
    import numpy.typing as npt
    from pydicom import Dataset

__all__ = ["phantom_frames", "write_phantom_series"]

_CT_IMAGE_STORAGE = "1.2.840.10008.5.1.4.1.1.2"
_FIELD_OF_VIEW = 400.0
_SLICE_SPACING = 5.0


def phantom_frames(
    n_slices: int = 32, size: int = 512, seed: int = 0
) -> Iterator[npt.NDArray[np.uint16]]:
    """Yield the slices of a chest: body, lungs, heart, spine, ribs, table, correlated noise.

    Parameters
    ----------
    n_slices : int
        How many, from the neck to the upper abdomen.
    size : int
        Rows and columns of each.
    seed : int
        Another seed, another patient.

    Yields
    ------
    ndarray of shape (size, size)
        Stored values of 12 bits; Hounsfield units are stored values - 1024. The same for the
        same arguments (and numpy).
    """
    if n_slices < 1 or size < 16:
        raise ValueError(f"at least 1 slice of 16x16 is needed, not {n_slices} of {size}x{size}")
    from dicube_core._phantom_voxels import stored_frames

    return stored_frames(n_slices, size, seed)


def write_phantom_series(
    folder: str | os.PathLike[str], n_slices: int = 32, *, size: int = 512, seed: int = 0
) -> list[Path]:
    """Write a CT series as DICOM files, one per slice.

    The headers hold what real ones do: private elements, per-slice binary of different lengths,
    nested sequences, elements that some slices lack, names that are not ASCII, decimals with
    trailing zeros. InstanceNumber runs from the head to the feet, against the slice normal.

    Parameters
    ----------
    folder : path-like
        Created if need be; an existing file of the same name is an error.
    n_slices, size, seed : int
        As in `phantom_frames`.

    Returns
    -------
    list of Path
        The files in the order of their names. Their bytes are the same for the same arguments
        (and numpy).

    Raises
    ------
    FileExistsError
        A file of the same name is in the folder; it is left as it is.
    OSError
        A file cannot be written.
    """
    frames = phantom_frames(n_slices, size, seed)
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    paths = []
    for index, frame in enumerate(frames):
        path = target / f"IM{index + 1:05d}.dcm"
        dataset = _instance(index, n_slices, size, seed)
        dataset.SmallestImagePixelValue = int(frame.min())
        dataset.LargestImagePixelValue = int(frame.max())
        dataset.add_new(0x7FE00010, "OW", frame.astype("<u2").tobytes())
        # pydicom would make another error, without a name, of a disk that is full.
        content = BytesIO()
        dataset.save_as(content, enforce_file_format=True)
        try:
            with path.open("xb") as file:
                file.write(content.getbuffer())
        except OSError as exc:
            raise OSError(exc.errno, exc.strerror, str(path)) from exc
        paths.append(path)
    return paths


def _uid(*parts: object) -> str:
    from pydicom.uid import generate_uid

    return str(generate_uid(entropy_srcs=["dicube phantom", *map(str, parts)]))


def _instance(index: int, n_slices: int, size: int, seed: int) -> Dataset:
    from pydicom import Dataset
    from pydicom.dataset import FileMetaDataset

    from dicube_core.dataset import uids

    dataset = Dataset()
    dataset.update(_series_values(size, seed))
    dataset.update(_slice_values(index, n_slices, seed))
    _add_nested(dataset, index, seed)
    _add_private(dataset, index)
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = uids.EXPLICIT_LE  # type: ignore[assignment]
    meta.ImplementationClassUID = uids.IMPLEMENTATION_UID  # type: ignore[assignment]
    meta.ImplementationVersionName = uids.IMPLEMENTATION_VERSION
    dataset.file_meta = meta
    return dataset


def _dataset(values: dict[str, Any]) -> Dataset:
    from pydicom import Dataset

    dataset = Dataset()
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    return dataset


def _series_values(size: int, seed: int) -> Dataset:
    spacing = f"{_FIELD_OF_VIEW / size:.8f}"
    return _dataset(
        {
            "SpecificCharacterSet": "ISO_IR 100",
            "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"],
            "SOPClassUID": _CT_IMAGE_STORAGE,
            "StudyDate": "20240229",
            "SeriesDate": "20240229",
            "StudyTime": "101500",
            "AccessionNumber": "",
            "Modality": "CT",
            "Manufacturer": "Phantom Works",
            "InstitutionName": "Institut für Phantome",
            "ReferringPhysicianName": "",
            "StudyDescription": "Thorax",
            "SeriesDescription": "Thorax 5.0 generated",
            "PatientName": f"Phantom^Zoë^{seed}",
            "PatientID": f"PHANTOM-{seed}",
            "PatientBirthDate": "",
            "PatientSex": "O",
            "BodyPartExamined": "CHEST",
            "SliceThickness": "5.00000",
            "KVP": "120",
            "DataCollectionDiameter": "500.000",
            "ReconstructionDiameter": f"{_FIELD_OF_VIEW:.3f}",
            "ConvolutionKernel": "B30f",
            "PatientPosition": "HFS",
            "StudyInstanceUID": _uid(seed, "study"),
            "SeriesInstanceUID": _uid(seed, "series"),
            "StudyID": "1",
            "SeriesNumber": "2",
            "AcquisitionNumber": "1",
            "FrameOfReferenceUID": _uid(seed, "frame"),
            "PositionReferenceIndicator": "",
            "ImageOrientationPatient": ["1.000000", "0.000000", "0.000000", "0", "1", "0"],
            "SamplesPerPixel": 1,
            "PhotometricInterpretation": "MONOCHROME2",
            "Rows": size,
            "Columns": size,
            "PixelSpacing": [spacing, spacing],
            "BitsAllocated": 16,
            "BitsStored": 12,
            "HighBit": 11,
            "PixelRepresentation": 0,
            "WindowCenter": ["40", "-600"],
            "WindowWidth": ["400", "1500"],
            "WindowCenterWidthExplanation": ["WINDOW1", "WINDOW2"],
            "RescaleIntercept": "-1024",
            "RescaleSlope": "1",
            "RescaleType": "HU",
        }
    )


def _slice_values(index: int, n_slices: int, seed: int) -> Dataset:
    corner = -_FIELD_OF_VIEW / 2
    z = -_SLICE_SPACING * (index - n_slices // 2)
    values = {
        "SOPInstanceUID": _uid(seed, n_slices, "slice", index),
        "InstanceNumber": str(index + 1),
        "ContentDate": "20240229",
        "ContentTime": f"1016{index // 4 % 60:02d}.{index % 4 * 250000:06d}",
        "ExposureTime": "500",
        "XRayTubeCurrent": str(180 + 7 * (index * 11 % 13)),
        "TableHeight": "152.500",
        "ImagePositionPatient": [f"{corner:.6f}", f"{corner:.6f}", f"{z:.6f}"],
        "SliceLocation": f"{z:.3f}",
    }
    if index % 4 == 1:  # real series have elements on some slices only
        values["ImageComments"] = f"Höhe {z:.0f} mm"
    return _dataset(values)


def _add_nested(dataset: Dataset, index: int, seed: int) -> None:
    from pydicom import Sequence

    def code(value: str, meaning: str) -> Dataset:
        return _dataset(
            {"CodeValue": value, "CodingSchemeDesignator": "99PHANTOM", "CodeMeaning": meaning}
        )

    request = _dataset({"ScheduledProcedureStepID": "SPS1", "RequestedProcedureID": "RP1"})
    request.ScheduledProtocolCodeSequence = Sequence(
        [code("CT-01", "Thorax nativ"), code("CT-02", "Thorax mit Kontrastmittel")]
    )
    dataset.RequestAttributesSequence = Sequence([request])
    references = [
        _dataset(
            {
                "ReferencedSOPClassUID": _CT_IMAGE_STORAGE,
                "ReferencedSOPInstanceUID": _uid(seed, "raw", index, number),
            }
        )
        for number in range(1 + index % 3)  # as many as there are neighbours used
    ]
    dataset.SourceImageSequence = Sequence(references)


def _add_private(dataset: Dataset, index: int) -> None:
    from pydicom import Sequence

    block = dataset.private_block(0x0029, "DICUBE PHANTOM", create=True)
    block.add_new(0x10, "LO", "generated")
    block.add_new(0x11, "OB", bytes((7 * index + k) % 256 for k in range(32 + 2 * (index % 5))))
    block.add_new(0x12, "FD", [0.1 * index, 1 / 3])
    item = _dataset({"ExposureInuAs": str(90000 + index)})
    inner = item.private_block(0x0029, "DICUBE PHANTOM", create=True)
    inner.add_new(0x20, "DS", [f"{index * 0.125:.4f}", "1.50000"])
    block.add_new(0x13, "SQ", Sequence([item]))
