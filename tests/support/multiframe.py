"""Multi-frame instances of every shape, written by pydicom."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate, encapsulate_extended
from pydicom.uid import ExplicitVRLittleEndian

Array = np.ndarray[Any, Any]

ROOT = "1.2.826.0.1.3680043.9.9998"
ENHANCED_MR = "1.2.840.10008.5.1.4.1.1.4.1"
ENHANCED_CT = "1.2.840.10008.5.1.4.1.1.2.1"
US_MULTIFRAME = "1.2.840.10008.5.1.4.1.1.3.1"


def frames_of(count: int, rows: int = 7, columns: int = 6, dtype: str = "<u2") -> Array:
    """Return frames that differ from each other."""
    rng = np.random.default_rng((count, rows, columns))
    return rng.integers(0, 4096 if dtype == "<u2" else 256, (count, rows, columns)).astype(dtype)


def _item(**values: object) -> Dataset:
    item = Dataset()
    for keyword, value in values.items():
        setattr(item, keyword, value)
    return item


def classic(frames: Array, sop_class: str = US_MULTIFRAME, instance: int = 1) -> Dataset:
    """Return a multi-frame instance without functional groups."""
    count, rows, columns = frames.shape[:3]
    dataset = Dataset()
    dataset.SpecificCharacterSet = "ISO_IR 100"
    dataset.ImageType = ["ORIGINAL", "PRIMARY"]
    dataset.SOPClassUID = sop_class
    dataset.SOPInstanceUID = f"{ROOT}.1.{instance}"
    dataset.StudyDate = "20240131"
    dataset.Modality = "US"
    dataset.PatientName = "Dœ^Jane".encode("latin-1", "replace").decode("latin-1")
    dataset.PatientID = "PAT-0043"
    dataset.StudyInstanceUID = f"{ROOT}.9"
    dataset.SeriesInstanceUID = f"{ROOT}.1"
    dataset.InstanceNumber = instance
    dataset.SamplesPerPixel = 1 if frames.ndim == 3 else 3
    dataset.PhotometricInterpretation = "MONOCHROME2" if frames.ndim == 3 else "RGB"
    if frames.ndim == 4:
        dataset.PlanarConfiguration = 0
    dataset.NumberOfFrames = count
    dataset.FrameIncrementPointer = 0x00181065
    dataset.FrameTimeVector = [0, *(10.5 + n for n in range(count - 1))]
    dataset.Rows, dataset.Columns = rows, columns
    dataset.BitsAllocated = 8 * frames.dtype.itemsize
    dataset.BitsStored = 12 if frames.dtype.itemsize == 2 else 8
    dataset.HighBit = dataset.BitsStored - 1
    dataset.PixelRepresentation = 0
    dataset.PixelData = frames.tobytes() + b"\0" * (frames.nbytes % 2)
    dataset["PixelData"].VR = "OW" if frames.dtype.itemsize == 2 else "OB"
    return dataset


def enhanced(
    frames: Array,
    sop_class: str = ENHANCED_MR,
    *,
    instance: int = 1,
    first: int = 0,
    backwards: bool = False,
    own_slopes: bool = True,
) -> Dataset:
    """Return an enhanced instance whose planes are 2.5 mm apart, beginning with number `first`."""
    count = len(frames)
    dataset = classic(frames, sop_class, instance)
    del dataset.FrameIncrementPointer, dataset.FrameTimeVector
    dataset.Modality = "MR" if sop_class == ENHANCED_MR else "CT"
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"]
    dataset.FrameOfReferenceUID = f"{ROOT}.8"
    dataset.DimensionOrganizationSequence = [_item(DimensionOrganizationUID=f"{ROOT}.7")]
    dataset.DimensionIndexSequence = [
        _item(
            DimensionOrganizationUID=f"{ROOT}.7",
            DimensionIndexPointer=0x00209057,
            FunctionalGroupPointer=0x00209111,
        )
    ]
    kind = "MRImageFrameTypeSequence" if dataset.Modality == "MR" else "CTImageFrameTypeSequence"
    shared = _item(
        PixelMeasuresSequence=[
            _item(SliceThickness="2.5", PixelSpacing=["0.75", "0.5"], SpacingBetweenSlices="2.5")
        ],
        PlaneOrientationSequence=[_item(ImageOrientationPatient=["1", "0", "0", "0", "1", "0"])],
        ReferencedImageSequence=[
            _item(ReferencedSOPClassUID=sop_class, ReferencedSOPInstanceUID=f"{ROOT}.6")
        ],
    )
    setattr(shared, kind, [_item(FrameType=["ORIGINAL", "PRIMARY", "VOLUME", "NONE"])])
    per_frame = []
    for number in range(count):
        place = first + (count - 1 - number if backwards else number)
        slope = str(1 + number % 3) if own_slopes else "1"
        group = _item(
            FrameContentSequence=[
                _item(
                    FrameAcquisitionNumber=3,
                    FrameAcquisitionDateTime=f"20240131101{number % 10}15.25",
                    StackID="1",
                    InStackPositionNumber=place + 1,
                    DimensionIndexValues=[place + 1],
                )
            ],
            PlanePositionSequence=[
                _item(ImagePositionPatient=["-12.5", "20.25", f"{2.5 * place:.2f}"])
            ],
            PixelValueTransformationSequence=[
                _item(RescaleIntercept="-5", RescaleSlope=slope, RescaleType="US")
            ],
            FrameVOILUTSequence=[_item(WindowCenter="40", WindowWidth=str(100 + number))],
        )
        if dataset.Modality == "MR":
            group.MREchoSequence = [_item(EffectiveEchoTime=12.5 + number)]
            group.MRDiffusionSequence = [_item(DiffusionBValue=500.0 * number)]
        per_frame.append(group)
    dataset.SharedFunctionalGroupsSequence = [shared]
    dataset.PerFrameFunctionalGroupsSequence = per_frame
    return dataset


def one_bit(count: int, rows: int = 5, columns: int = 5) -> tuple[Dataset, Array]:
    """Return an instance of single bits, whose frames begin inside bytes, and its frames."""
    frames = np.random.default_rng(count).integers(0, 2, (count, rows, columns)).astype("u1")
    dataset = classic(frames, "1.2.840.10008.5.1.4.1.1.7.1")
    dataset.BitsAllocated = dataset.BitsStored = 1
    dataset.HighBit = 0
    packed = np.packbits(frames.ravel(), bitorder="little").tobytes()
    dataset.PixelData = packed + b"\0" * (len(packed) % 2)
    return dataset, frames


def part10(dataset: Dataset, syntax: str = ExplicitVRLittleEndian) -> bytes:
    """Return the data set as a file in an uncompressed transfer syntax."""
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = syntax
    if syntax == "1.2.840.10008.1.2.2" and dataset.BitsAllocated == 16:
        dataset.PixelData = np.frombuffer(dataset.PixelData, "<u2").byteswap().tobytes()
    file = io.BytesIO()
    dataset.save_as(
        file,
        enforce_file_format=True,
        implicit_vr=syntax == "1.2.840.10008.1.2",
        little_endian=syntax != "1.2.840.10008.1.2.2",
    )
    return file.getvalue()


def compressed(dataset: Dataset, syntax: str, *, table: str = "basic", fragments: int = 1) -> bytes:
    """Return the data set compressed by pydicom, in the form of encapsulation that is asked for.

    Parameters
    ----------
    table : {'basic', 'extended', 'none'}
        Which offset table there is.
    fragments : int
        Into how many each frame is cut.
    """
    from pydicom.encaps import generate_frames

    copy = Dataset()
    copy.update(dataset)
    copy.file_meta = FileMetaDataset()
    copy.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    copy.set_original_encoding(False, True, "latin-1")
    copy.compress(syntax, encoding_plugin="", generate_instance_uid=False)
    frames = list(generate_frames(copy.PixelData, number_of_frames=int(copy.NumberOfFrames)))
    if table == "extended":
        copy.PixelData, copy.ExtendedOffsetTable, copy.ExtendedOffsetTableLengths = (
            encapsulate_extended(frames)
        )
    else:
        copy.PixelData = encapsulate(frames, fragments, has_bot=table == "basic")
    copy["PixelData"].is_undefined_length = True
    copy["PixelData"].VR = "OB"
    file = io.BytesIO()
    copy.save_as(file, enforce_file_format=True)
    return file.getvalue()
