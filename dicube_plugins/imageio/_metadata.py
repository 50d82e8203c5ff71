"""The metadata of a file as imageio hands it out: keyword to plain Python value."""

from __future__ import annotations

import base64
from math import isfinite
from typing import TYPE_CHECKING, Any

from dicube_core.exceptions import MetaDataError
from dicube_plugins.colours import PALETTE_TAGS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from collections.abc import Set as AbstractSet

    from dicube_core.metadata.meta import DicomMeta

__all__ = ["APPLIED", "APPLIED_TO_COLOUR", "keyword_values", "pixel_spacing", "stated_spacing"]

#: What turns stored values into the values that are read (PS3.3 C.7.6.3.1, C.11.1).
APPLIED = frozenset(
    {
        0x00280100,  # BitsAllocated
        0x00280101,  # BitsStored
        0x00280102,  # HighBit
        0x00280103,  # PixelRepresentation
        0x00281052,  # RescaleIntercept
        0x00281053,  # RescaleSlope
        0x00283000,  # ModalityLUTSequence
    }
)
#: The same where stored colours became RGB (PS3.3 C.7.6.3.1.2, C.7.9).
APPLIED_TO_COLOUR = frozenset(
    {
        0x00280002,  # SamplesPerPixel
        0x00280004,  # PhotometricInterpretation
        0x00280006,  # PlanarConfiguration
        *(int(tag, 16) for tag in PALETTE_TAGS),
    }
)


def keyword_values(
    meta: DicomMeta, index: int | None, *, leave_out: AbstractSet[int]
) -> dict[str, Any]:
    """Return the metadata of one slice, or of the series.

    Parameters
    ----------
    meta : DicomMeta
        Merged metadata.
    index : int or None
        A slice; None for the series, where an element that differs between slices is a tuple of
        one value per slice. A multi-valued element is a list, in either case.
    leave_out : set of int
        Tags that are not wanted.

    Returns
    -------
    dict
        Keyword, or ``GGGGEEEE`` for elements without one, to value. What a slice has under tags
        that `DicomMeta.untrusted` names is left out: it may belong to another slice.
    """
    from dicube_core.metadata.merge import split_element

    untrusted = {path[:8] for path in meta.untrusted}
    found: dict[str, Any] = {}
    for key, entry in meta.items():
        tag = int(key, 16)
        if key in untrusted or tag in leave_out:
            continue
        try:
            if index is not None:
                element = split_element(entry, index)
                if element is not None:
                    found[_name(tag)] = _value(element)
            elif meta.is_shared(tag):
                found[_name(tag)] = _value(split_element(entry, 0))
            else:
                slices = range(meta.slice_count)
                found[_name(tag)] = tuple(_value(split_element(entry, i)) for i in slices)
        except (AttributeError, LookupError, TypeError, ValueError) as exc:
            # Elements that are kept as they were (``exact``) may be anything at their inside.
            raise MetaDataError(
                f"metadata entry {key} is no element of the DICOM JSON model",
                suggestion="the file is damaged",
            ) from exc
    return found


def _name(tag: int) -> str:
    from pydicom.datadict import keyword_for_tag

    return keyword_for_tag(tag) or f"{tag:08X}"


def _value(element: Mapping[str, Any] | None) -> Any:
    """Turn an element of the DICOM JSON model (PS3.18 F.2) into a plain value."""
    if element is None:
        return None
    if "InlineBinary" in element:
        return base64.b64decode(element["InlineBinary"])
    vr = element.get("vr")
    values = [_one(vr, value) for value in element.get("Value", [])]
    if vr == "SQ":
        return values
    if not values:
        return None
    return values[0] if len(values) == 1 else values


def _one(vr: str | None, value: Any) -> Any:
    if vr == "SQ":
        return {_name(int(key, 16)): _value(item) for key, item in (value or {}).items()}
    if vr == "PN" and isinstance(value, dict):
        groups = [value.get(group, "") for group in ("Alphabetic", "Ideographic", "Phonetic")]
        return "=".join(groups).rstrip("=")
    return value


def pixel_spacing(meta: DicomMeta, index: int) -> tuple[float, float] | None:
    """Return PixelSpacing of a slice (mm between rows, between columns), None where it has none."""
    value = meta.get_values("PixelSpacing")[index]
    if not isinstance(value, list) or len(value) != 2 or not all(map(_is_length, value)):
        return None
    return float(value[0]), float(value[1])


def stated_spacing(meta: DicomMeta) -> tuple[float, float, float] | None:
    """Return the spacing that slices without positions state, mm; None where they state none.

    Slices with positions are another matter: if those form no regular grid, then no number for the
    distance of its slices is true, whatever the headers say.
    """
    keywords = ("PixelSpacing", "SpacingBetweenSlices")
    if not meta.is_missing("ImagePositionPatient") or not all(map(meta.is_shared, keywords)):
        return None
    between, within = meta.get_shared_value("SpacingBetweenSlices"), pixel_spacing(meta, 0)
    if within is None or not _is_length(between):
        return None
    return (float(between), *within)


def _is_length(value: object) -> bool:
    return isinstance(value, int | float) and isfinite(value) and value > 0
