"""What a user sets as the value of a tag, to an element of the DICOM JSON model, or an error."""

from __future__ import annotations

import re
from base64 import b64encode
from contextlib import suppress
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

from dicube_core.dataset._encode import decimal_text, encode_element, value_of
from dicube_core.dataset._text import UTF8
from dicube_core.dataset._values import (
    BINARY_VRS,
    MULTIPLE_TEXT_VRS,
    NUMBER_VRS,
    VRS,
    plain_element,
)
from dicube_core.dataset._vr import public_vr
from dicube_core.dataset.elements import walk
from dicube_core.dataset.json_model import dataset_to_json
from dicube_core.exceptions import MetaDataError
from dicube_core.spatial.planes import SLICE_FIELDS

if TYPE_CHECKING:
    from dicube_core.dataset.json_model import JsonElement

__all__ = ["element_from_value", "parse_tag", "tag_name"]

#: Longest value in characters (PS3.5 table 6.2-1).
_LENGTHS = {
    **dict.fromkeys(("AE", "CS", "SH"), 16),
    "AS": 4,
    "DA": 8,
    "DT": 26,
    "LO": 64,
    "LT": 10240,
    "ST": 1024,
    "TM": 16,
    "UI": 64,
}
_PATTERNS = {
    "AS": re.compile(r"[0-9]{3}[DWMY]"),
    "DA": re.compile(r"[0-9]{8}"),
    "DT": re.compile(r"[0-9]{4,14}(\.[0-9]{1,6})?([+-][0-9]{4})?"),
    "TM": re.compile(r"[0-9]{2,6}(\.[0-9]{1,6})?"),
    "UI": re.compile(r"[0-9.]+"),
}
_DS_LENGTH = 16
_IS_RANGE = range(-(2**31), 2**31)


def tag_name(tag: int) -> str:
    """Return a tag as people read it."""
    return f"({tag >> 16:04X},{tag & 0xFFFF:04X})"


#: Keywords that series work asks for, so that it need not load pydicom's dictionary.
_KEYWORDS = {spec.keyword: tag for tag, spec in SLICE_FIELDS.items()}


def parse_tag(tag: object) -> int:
    """Return the number of a tag given as number, keyword, hexadecimal text or pair.

    Raises
    ------
    MetaDataError
        It is none of these.
    """
    if isinstance(tag, int) and not isinstance(tag, bool) and 0 <= tag <= 0xFFFFFFFF:
        return int(tag)
    if isinstance(tag, str) and re.fullmatch(r"[0-9A-Fa-f]{8}", tag):
        return int(tag, 16)
    if isinstance(tag, str) and tag in _KEYWORDS:
        return _KEYWORDS[tag]
    from pydicom.tag import Tag

    try:
        return int(Tag(tag if isinstance(tag, str | tuple) else repr(tag)))
    except (ValueError, TypeError, OverflowError, KeyError) as error:
        raise MetaDataError(f"{tag!r} is not a DICOM tag") from error


def element_from_value(tag: int, vr: str, value: Any) -> JsonElement:
    """Return the element that holds what a user gave.

    Parameters
    ----------
    tag : int
        ``0xGGGGEEEE``.
    vr : str
        Two letters.
    value : object
        One value, or a list of them. None and an empty list make an empty element. Text with
        backslashes is several values where the VR allows them. PN takes text or the JSON model's
        components, binary VRs bytes or base64 text, SQ data sets or items of the JSON model.

    Returns
    -------
    dict
        What will be read back: DS rounded to its 16 characters, FL to single precision, text
        without trailing spaces.

    Raises
    ------
    MetaDataError
        Wrong type, number of values or length for the VR and tag.
    """
    if vr not in VRS:
        raise MetaDataError(f"{tag_name(tag)}: unknown VR {vr!r}")
    if vr in BINARY_VRS:
        _require_known_as(tag, vr)
        return _binary(tag, vr, value)
    values = _as_list(value)
    if vr == "SQ":
        items = [_item(tag, item) for item in values]
        return _sequence(tag, encode_element(tag, vr, items, charset=UTF8))
    if vr in MULTIPLE_TEXT_VRS:
        values = [part for v in values for part in (v.split("\\") if isinstance(v, str) else [v])]
    values = [_one(tag, vr, item) for item in values]
    if values and not any(v not in (None, "") for v in values) and len(values) == 1:
        values = []
    _check_count(tag, vr, len(values))
    data = encode_element(tag, vr, values, charset=UTF8)
    element = next(walk(data))
    return plain_element(tag, vr, data[element.value : element.value_stop], UTF8)


def _require_known_as(tag: int, vr: str) -> None:
    """Refuse UN for what readers know: they take it for what it is (PS3.5 6.2.2)."""
    known = None if vr != "UN" or tag & 0x10000 else public_vr(tag)
    if known is not None:
        raise MetaDataError(
            f"{tag_name(tag)}: VR UN, where the dictionary has {known}",
            suggestion="give the value with that VR",
        )


def _sequence(tag: int, data: bytes) -> JsonElement:
    """Return an encoded sequence as it is read back."""
    named = encode_element(0x00080005, "CS", ["ISO_IR 192"])
    return dataset_to_json(named + data)[f"{tag:08X}"]


def _as_list(value: Any) -> list[Any]:
    if value is None:
        return []
    if isinstance(value, str | bytes) or not hasattr(value, "__iter__") or hasattr(value, "keys"):
        return [value]
    if type(value).__name__ == "PersonName" or getattr(value, "ndim", 1) == 0:
        return [value]
    return list(value)


def _binary(tag: int, vr: str, value: Any) -> JsonElement:
    if isinstance(value, list | tuple) and len(value) == 1:
        value = value[0]
    if value is None or value in (b"", "", []):
        return {"vr": vr}
    if isinstance(value, str):
        value = value_of(tag, {"InlineBinary": value})
    if not isinstance(value, bytes | bytearray | memoryview):
        raise MetaDataError(f"{tag_name(tag)}: VR {vr} takes bytes, not {type(value).__name__}")
    data = bytes(value)
    data += b"\0" * (len(data) % 2)
    return {"vr": vr, "InlineBinary": b64encode(data).decode("ascii")}


def _item(tag: int, item: Any) -> dict[str, Any]:
    if hasattr(item, "to_json_dict"):
        try:
            item = item.to_json_dict()
        except (ValueError, TypeError, KeyError) as error:
            raise MetaDataError(f"{tag_name(tag)}: an item cannot be read: {error}") from error
    if not isinstance(item, dict):
        found = "None" if item is None else type(item).__name__
        raise MetaDataError(f"{tag_name(tag)}: an item is {found}, not a data set")
    return item


def _one(tag: int, vr: str, value: Any) -> Any:
    """Return one value in the type of the JSON model."""
    if hasattr(value, "item") and not isinstance(value, str | bytes):
        value = value.item()  # numpy scalar
    if value is None:
        return None
    if vr == "AT":
        return f"{parse_tag(value):08X}"
    if vr in {"DS", "PN"}:
        return _decimal(tag, value) if vr == "DS" else _person(tag, value)
    if vr in {"FD", "FL"}:
        return _real(tag, vr, value)
    return (_integer if vr == "IS" or vr in NUMBER_VRS else _text)(tag, vr, value)


def _integer(tag: int, vr: str, value: Any) -> int:
    if isinstance(value, str):
        with suppress(ValueError):
            value = int(value) if "_" not in value else value
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise MetaDataError(f"{tag_name(tag)}: {value!r} is not an integer (VR {vr})")
    number = int(value)
    if vr == "IS" and number not in _IS_RANGE:
        raise MetaDataError(f"{tag_name(tag)}: {number} is outside of the 32 bits of VR IS")
    return number


def _real(tag: int, vr: str, value: Any) -> float:
    from math import isfinite
    from struct import pack, unpack

    try:
        number = float(value) if isinstance(value, Real | str) and value is not True else None
    except (ValueError, OverflowError):
        number = None
    if number is None or isinstance(value, bool) or not isfinite(number):
        raise MetaDataError(f"{tag_name(tag)}: {value!r} is not a finite number (VR {vr})")
    if vr == "FL":
        try:
            number = float(unpack("<f", pack("<f", number))[0])
        except OverflowError as error:
            raise MetaDataError(f"{tag_name(tag)}: {value!r} is too large for VR FL") from error
    return number


def _decimal(tag: int, value: Any) -> float:
    from decimal import Decimal

    if isinstance(value, Decimal):
        value = float(value)
    number = _real(tag, "DS", value)
    if len(decimal_text(number)) <= _DS_LENGTH:
        return number
    for digits in range(_DS_LENGTH, 0, -1):
        rounded = float(f"{number:.{digits}g}")
        if len(decimal_text(rounded)) <= _DS_LENGTH:
            return rounded
    raise MetaDataError(f"{tag_name(tag)}: {value!r} has no text of {_DS_LENGTH} characters")


def _person(tag: int, value: Any) -> dict[str, str] | None:
    if isinstance(value, dict):
        return {str(key): part for key, part in value.items()}
    text = str(value) if type(value).__name__ == "PersonName" else value
    if not isinstance(text, str):
        raise MetaDataError(f"{tag_name(tag)}: {value!r} is not a person name")
    groups = text.rstrip(" =").split("=")
    if groups == [""]:
        return None
    if len(groups) > 3:
        raise MetaDataError(f"{tag_name(tag)}: {value!r} has more than three groups")
    return dict(zip(("Alphabetic", "Ideographic", "Phonetic"), groups, strict=False))


def _text(tag: int, vr: str, value: Any) -> str:
    if not isinstance(value, str):
        raise MetaDataError(f"{tag_name(tag)}: {value!r} is not text (VR {vr})")
    text = str(value).strip(" \0") if vr in {"AE", "UI"} else str(value).rstrip(" \0")
    if len(text) > _LENGTHS.get(vr, 1 << 32):
        raise MetaDataError(
            f"{tag_name(tag)}: {len(text)} characters, VR {vr} holds {_LENGTHS[vr]}"
        )
    pattern = _PATTERNS.get(vr)
    if text and pattern is not None and not pattern.fullmatch(text):
        raise MetaDataError(f"{tag_name(tag)}: {text!r} is not a value of VR {vr}")
    return text


def _check_count(tag: int, vr: str, count: int) -> None:
    """Check the value multiplicity (PS3.5 6.4, PS3.6)."""
    if tag & 0x10000:
        return
    from pydicom.datadict import dictionary_VM

    try:
        allowed = dictionary_VM(tag)
    except KeyError:
        return
    low, _, high = allowed.partition("-")
    if not high:
        fits = count == int(low)
    elif high.endswith("n"):
        fits = count >= int(low) and count % int(high[:-1] or 1) == 0
    else:
        fits = int(low) <= count <= int(high)
    if count and not fits:
        raise MetaDataError(f"{tag_name(tag)}: {count} values of VR {vr}, {allowed} belong there")
