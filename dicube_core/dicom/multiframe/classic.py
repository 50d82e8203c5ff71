"""What enhanced images say in other words than single-frame ones (PS3.3 C.8.15, C.8.13)."""

from __future__ import annotations

import math
from struct import unpack
from typing import TYPE_CHECKING

from dicube_core.dataset._encode import decimal_text
from dicube_core.dataset.elements import walk
from dicube_core.dicom.multiframe.pieces import (
    element,
    items_of,
    level,
    text_element,
    text_of,
    value_of,
)
from dicube_core.exceptions import MetaDataError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dicube_core.dataset.elements import Encoding

__all__ = ["classic_equivalents", "empty_type_2"]

_CT = "1.2.840.10008.5.1.4.1.1.2"
_MR = "1.2.840.10008.5.1.4.1.1.4"
#: Double of the enhanced image -> decimal string of the classic one, in the same unit.
_DECIMALS = {0x00189082: 0x00180081, 0x00189079: 0x00180082}
#: Double -> integer string, where it is a whole number.
_INTEGERS = {0x00189328: 0x00181150, 0x00189330: 0x00181151, 0x00189332: 0x00181152}
#: Type 2 attributes of the classic images, whose emptiness says that the source is silent.
_TYPE_2 = {
    _CT: {0x00180060: b"DS", 0x00200012: b"IS", 0x00201040: b"LO"},
    _MR: {
        0x00180022: b"CS",
        0x00180023: b"CS",
        0x00180080: b"DS",
        0x00180081: b"DS",
        0x00180091: b"IS",
        0x00201040: b"LO",
    },
}
_DIRECTIONS, _DIRECTION = 0x00189076, 0x00189089
_FRAME_TYPE, _IMAGE_TYPE = 0x00089007, 0x00080008
#: Attributes that anything follows from.
_SOURCES = frozenset(
    (
        *(_DIRECTIONS, _FRAME_TYPE, 0x00189074, 0x00209156, 0x00209158, *_DECIMALS, *_INTEGERS),
        *(0x00189008, 0x00189009, 0x00189016, 0x00189017, 0x00189018),
        *(0x00189020, 0x00189029, 0x00189033),
    )
)


def classic_equivalents(
    found: Mapping[int, bytes], encoding: Encoding, sop_class: str
) -> dict[int, bytes]:
    """Return the attributes of single-frame images that functional groups imply.

    Parameters
    ----------
    found : mapping of tag to bytes
        What instance and functional groups say of one frame.
    sop_class : str
        Class of the frame as an image of its own.

    Returns
    -------
    dict
        Only what says the same as an attribute in `found`; nothing is made up. What functional
        groups say in these very attributes goes before it.
    """
    result: dict[int, bytes] = {}
    if _SOURCES.isdisjoint(found):
        return result
    _frame_type(found, encoding, sop_class, result)
    _moment(found, encoding, result)
    number = value_of(found.get(0x00209156), encoding)  # FrameAcquisitionNumber
    if len(number) == 2:
        text = str(int.from_bytes(number, "little"))
        result[0x00200012] = text_element(0x00200012, b"IS", text, encoding)
    if 0x00209158 in found:  # FrameComments
        value = value_of(found[0x00209158], encoding)
        result[0x00204000] = element(0x00204000, b"LT", value, encoding)
    for source, target in _DECIMALS.items():
        value = value_of(found.get(source), encoding)
        text = _decimal(value)
        if text:
            result[target] = text_element(target, b"DS", text, encoding)
    for source, target in _INTEGERS.items():
        value = value_of(found.get(source), encoding)
        if len(value) == 8 and (figure := unpack("<d", value)[0]).is_integer():
            result[target] = text_element(target, b"IS", str(int(figure)), encoding)
    _direction(found, encoding, result)
    if sop_class == _MR:
        _sequence_of(found, encoding, result)
    return result


def _moment(found: Mapping[int, bytes], encoding: Encoding, result: dict[int, bytes]) -> None:
    """Add date and time of acquisition from Frame Acquisition DateTime."""
    moment = text_of(found.get(0x00189074), encoding)
    if not moment:
        return
    result[0x0008002A] = text_element(0x0008002A, b"DT", moment, encoding)
    clock = moment.split("+", maxsplit=1)[0].split("-", maxsplit=1)[0]
    if len(clock) >= 8 and clock[:8].isdigit():
        result[0x00080022] = text_element(0x00080022, b"DA", clock[:8], encoding)
    if len(clock) >= 10:
        result[0x00080032] = text_element(0x00080032, b"TM", clock[8:], encoding)


def _direction(found: Mapping[int, bytes], encoding: Encoding, result: dict[int, bytes]) -> None:
    """Add Diffusion Gradient Orientation, which the functional group has one level deeper."""
    piece = found.get(_DIRECTIONS)
    if not piece or _DIRECTION in found:
        return
    try:
        items = items_of(piece, next(walk(piece, encoding)), encoding)
        inner = level(items[0], encoding) if len(items) == 1 else {}
    except MetaDataError:
        return  # it stays as it is
    if _DIRECTION in inner:
        result[_DIRECTION] = inner[_DIRECTION]


def _decimal(value: bytes) -> str:
    if len(value) != 8:
        return ""
    number = unpack("<d", value)[0]
    text = decimal_text(number) if math.isfinite(number) else ""
    return text if len(text) <= 16 else f"{number:.10g}"


def _frame_type(
    found: Mapping[int, bytes], encoding: Encoding, sop_class: str, result: dict[int, bytes]
) -> None:
    """Add Image Type from Frame Type; a classic CT knows two terms in third place only."""
    text = text_of(found.get(_FRAME_TYPE), encoding)
    if not text:
        return
    parts = text.split("\\")
    if sop_class == _CT and len(parts) > 2 and parts[2] != "LOCALIZER":
        parts[2] = "AXIAL"
    result[_IMAGE_TYPE] = text_element(_IMAGE_TYPE, b"CS", "\\".join(parts), encoding)


def _sequence_of(found: Mapping[int, bytes], encoding: Encoding, result: dict[int, bytes]) -> None:
    """Add Scanning Sequence and Sequence Variant, from the attributes that replaced them."""

    def said(tag: int) -> str:
        return text_of(found.get(tag), encoding)

    scanning = {"SPIN": ["SE"], "GRADIENT": ["GR"], "BOTH": ["SE", "GR"]}.get(said(0x00189008), [])
    scanning = list(scanning)
    scanning += ["EP"] * (said(0x00189018) == "YES") + ["IR"] * (said(0x00189009) == "YES")
    if scanning and 0x00180020 not in found:
        result[0x00180020] = text_element(0x00180020, b"CS", "\\".join(scanning), encoding)
    variant = []
    variant += ["SK"] * (said(0x00189033) not in ("", "SINGLE"))
    variant += ["MTC"] * (said(0x00189020) not in ("", "NONE"))
    variant += ["SS"] * (said(0x00189017) not in ("", "NONE"))
    variant += ["SP"] * (said(0x00189016) not in ("", "NONE"))
    variant += ["OSP"] * (said(0x00189029) not in ("", "NONE"))
    known = any(tag in found for tag in (0x00189033, 0x00189020, 0x00189017, 0x00189016))
    if (variant or known) and 0x00180021 not in found:
        text = "\\".join(variant) or "NONE"
        result[0x00180021] = text_element(0x00180021, b"CS", text, encoding)


def empty_type_2(sop_class: str, encoding: Encoding) -> dict[int, bytes]:
    """Return empty elements for what the class of one frame must have, if only empty."""
    return {tag: element(tag, vr, b"", encoding) for tag, vr in _TYPE_2.get(sop_class, {}).items()}
