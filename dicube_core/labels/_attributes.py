"""Attributes of a labelled series. None of them names the patient."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dicube_core.geometry import Geometry
    from dicube_core.metadata.meta import DicomMeta
    from dicube_core.reader import Reader

__all__ = ["affine_attributes", "image_attributes", "series_attributes"]

_SOP_CLASS, _MODALITY, _MULTI_ENERGY = "00080016", "00080060", "00189361"
_UNITS, _RESCALE_TYPE, _MODALITY_LUT = "00541001", "00281054", "00283000"
#: CT Image Storage, Enhanced and Legacy Converted Enhanced.
_CT = frozenset(f"1.2.840.10008.5.1.4.1.1.2{ending}" for ending in ("", ".1", ".2"))


def affine_attributes(geometry: Geometry) -> dict[str, Any]:
    """Return where the grid lies, and what its matrices are made of.

    Matrices, from (z, y, x, 1) to mm, are 16 numbers row by row: netCDF has no attributes of more
    than one axis, and others would keep such a dataset from being written.
    """
    return {
        "affine_lps": geometry.affine.ravel().tolist(),
        "affine_ras": geometry.affine_ras.ravel().tolist(),
        "affine_axes": "z, y, x",
        "spacing": list(geometry.spacing),
        "origin_lps": list(geometry.origin),
        "image_orientation_patient": list(geometry.to_dicom_orientation()),
    }


def series_attributes(meta: DicomMeta | None) -> dict[str, Any]:
    """Return what holds for all slices."""
    modality = _shared(meta, _MODALITY)
    return {"modality": modality} if modality else {}


def image_attributes(reader: Reader, meta: DicomMeta | None) -> tuple[dict[str, Any], str]:
    """Return attributes of the values, and the units of the modality values."""
    fmt, header = reader.pixel_format, reader.pixel_header
    attrs: dict[str, Any] = {
        "photometric_interpretation": fmt.photometric_interpretation,
        "bits_stored": fmt.bits_stored,
    }
    if not fmt.is_colour:
        window = {"window_center": header.WindowCenter, "window_width": header.WindowWidth}
        attrs |= {name: float(value) for name, value in window.items() if value is not None}
    return attrs, "" if fmt.is_colour else _units(meta)


def _units(meta: DicomMeta | None) -> str:
    """Return the units that the headers state for modality values."""
    if meta is None or not meta.is_missing(_MODALITY_LUT):
        return ""
    stated = _shared(meta, _UNITS if _shared(meta, _MODALITY) == "PT" else _RESCALE_TYPE)
    if stated or not meta.is_missing(_RESCALE_TYPE):
        return "" if stated == "US" else stated  # US: unspecified (PS3.3 C.11.1.1.2)
    # Hounsfield units need not be stated (PS3.3 C.8.2.1), unless several energies were used.
    hounsfield = _shared(meta, _SOP_CLASS) in _CT and _shared(meta, _MULTI_ENERGY) != "YES"
    return "HU" if hounsfield else ""


def _shared(meta: DicomMeta | None, tag: str) -> str:
    """Return a text that all slices share, else ''."""
    if meta is None or meta.is_missing(tag) or not meta.is_shared(tag):
        return ""
    value = meta.get_shared_value(tag)
    return value.strip() if isinstance(value, str) else ""
