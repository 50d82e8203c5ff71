"""Metadata for images that did not come from DICOM."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from dicube_core.exceptions import MetaDataError
from dicube_core.metadata.meta import DicomMeta
from dicube_core.pixels import PixelFormat

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from dicube_core.geometry import Geometry
    from dicube_core.pixel_header import PixelDataHeader

__all__ = ["minimal_meta"]

#: Storage SOP classes by modality (PS3.4 B.5); Secondary Capture for the rest.
_SOP_CLASSES = {
    "CT": "1.2.840.10008.5.1.4.1.1.2",
    "MR": "1.2.840.10008.5.1.4.1.1.4",
    "PT": "1.2.840.10008.5.1.4.1.1.128",
    "NM": "1.2.840.10008.5.1.4.1.1.20",
    "US": "1.2.840.10008.5.1.4.1.1.6.1",
    "CR": "1.2.840.10008.5.1.4.1.1.1",
    "DX": "1.2.840.10008.5.1.4.1.1.1.1",
}
_SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"


def minimal_meta(
    array: npt.NDArray[Any],
    pixel_header: PixelDataHeader,
    geometry: Geometry | None,
    *,
    modality: str,
    patient_name: str,
    patient_id: str,
) -> DicomMeta:
    """Return metadata with the identifiers and the description that a slice must have.

    No date or time is made up, and no position where there is no geometry.
    """
    arguments = {"modality": modality, "patient_name": patient_name, "patient_id": patient_id}
    for name, value in arguments.items():
        if not isinstance(value, str) or not value:
            raise MetaDataError(f"{name} is {value!r}; text is needed")
    count = array.shape[0]
    meta = DicomMeta({}, [f"slice_{i:04d}.dcm" for i in range(count)], slice_count=count)
    seed = _digest(array, geometry, *arguments.values())
    shared: dict[str, Any] = {
        "SOPClassUID": _SOP_CLASSES.get(modality, _SECONDARY_CAPTURE),
        "Modality": modality,
        "PatientName": {"Alphabetic": patient_name},
        "PatientID": patient_id,
        "StudyInstanceUID": _uid(seed, "study"),
        "SeriesInstanceUID": _uid(seed, "series"),
        "StudyID": "1",
        "SeriesNumber": 1,
    }
    if modality not in _SOP_CLASSES:
        shared["ConversionType"] = "SYN"
    for keyword, value in shared.items():
        meta.set_shared_item(keyword, value)
    meta.set_nonshared_item("SOPInstanceUID", [_uid(seed, f"slice {i}") for i in range(count)])
    meta.set_nonshared_item("InstanceNumber", [i + 1 for i in range(count)])
    _set_pixels(meta, array, pixel_header)
    if geometry is not None:
        meta.set_shared_item("FrameOfReferenceUID", _uid(seed, "frame of reference"))
        _set_geometry(meta, geometry)
    meta.mark_clean()
    return meta


def _digest(array: npt.NDArray[np.generic], geometry: Geometry | None, *texts: str) -> bytes:
    import numpy as np

    digest = hashlib.sha256(repr((array.shape, array.dtype.str, geometry, texts)).encode())
    digest.update(np.ascontiguousarray(array).data)
    return digest.digest()


def _uid(seed: bytes, what: str) -> str:
    """Return a UID of the ``2.25`` arc (PS3.5 B.2) that depends on nothing but its arguments."""
    number = int.from_bytes(hashlib.sha256(seed + what.encode()).digest()[:16], "big")
    return f"2.25.{number}"


def _set_pixels(
    meta: DicomMeta, array: npt.NDArray[np.generic], pixel_header: PixelDataHeader
) -> None:
    found = PixelFormat.from_dtype(array.dtype.name, *(int(n) for n in array.shape[1:]))
    described: dict[str, Any] = {
        "SamplesPerPixel": found.samples_per_pixel,
        "PhotometricInterpretation": found.photometric_interpretation,
        "Rows": found.rows,
        "Columns": found.columns,
        "BitsAllocated": found.bits_allocated,
    }
    if found.is_colour:
        described["PlanarConfiguration"] = 0
    if not found.real:
        described["BitsStored"] = found.bits_stored
        described["HighBit"] = found.high_bit
        described["PixelRepresentation"] = found.pixel_representation
    for keyword, value in described.items():
        meta.set_shared_item(keyword, value)
    for keyword in ("RescaleIntercept", "RescaleSlope"):
        number = getattr(pixel_header, keyword)
        if isinstance(number, list):
            meta.set_nonshared_item(keyword, number)
        else:
            meta.set_shared_item(keyword, float(number))


def _set_geometry(meta: DicomMeta, geometry: Geometry) -> None:
    import numpy as np

    # DICOM names the direction along a row (columns grow) first, PS3.3 C.7.6.2.1.1.
    along_row, along_column = geometry.z_orientation, geometry.y_orientation
    meta.set_shared_item("ImageOrientationPatient", [*along_row, *along_column])
    meta.set_shared_item("PixelSpacing", list(geometry.spacing[1:]))
    step = geometry.spacing[0] * np.asarray(geometry.x_orientation)
    positions = [(np.asarray(geometry.origin) + i * step).tolist() for i in range(meta.slice_count)]
    meta.set_nonshared_item("ImagePositionPatient", positions)
    meta.set_shared_item("SpacingBetweenSlices", geometry.spacing[0])
