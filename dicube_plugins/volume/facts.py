"""What a header tells of the series besides the grid: out of the file, under DICOM's keywords."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dicube_core.metadata.meta import DicomMeta
    from dicube_core.reader import Reader

__all__ = ["metadata_facts", "pixel_facts"]

#: Attributes of study, series and equipment that tell what an image is, and not of whom.
_KEYWORDS = (
    "Modality",
    "StudyDescription",
    "SeriesDescription",
    "ProtocolName",
    "BodyPartExamined",
    "PatientPosition",
    "StudyDate",
    "Manufacturer",
    "ManufacturerModelName",
    "Units",
    "StudyInstanceUID",
    "SeriesInstanceUID",
    "FrameOfReferenceUID",
)


def pixel_facts(reader: Reader) -> dict[str, Any]:
    """Return what the stored values are; the metadata is not touched for it."""
    fmt, header = reader.pixel_format, reader.pixel_header
    return {
        "stored_dtype": fmt.dtype,
        "BitsStored": fmt.bits_stored,
        "PhotometricInterpretation": fmt.photometric_interpretation,
        "RescaleSlope": _plain(header.RescaleSlope),
        "RescaleIntercept": _plain(header.RescaleIntercept),
    }


def metadata_facts(meta: DicomMeta | None) -> dict[str, Any]:
    """Return attributes that have one value for the whole series."""
    found: dict[str, Any] = {}
    for keyword in _KEYWORDS:
        if meta is not None and meta.is_shared(keyword) and not meta.is_missing(keyword):
            found[keyword] = _plain(meta.get_shared_value(keyword))
    return found


def _plain(value: Any) -> Any:
    """Return a value that compares and prints as it should: lists, one per frame, as tuples."""
    return tuple(value) if isinstance(value, list) else value
