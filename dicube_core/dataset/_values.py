"""Values of single elements, from bytes to the DICOM JSON model (PS3.18 F.2)."""

from __future__ import annotations

from base64 import b64encode
from decimal import Decimal
from math import isfinite, isnan
from struct import unpack
from typing import TYPE_CHECKING, Any

from dicube_core.dataset._text import CharacterSet, decode
from dicube_core.dataset._vr import CHARSET_VRS

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "BINARY_VRS",
    "LUT_DESCRIPTORS",
    "MULTIPLE_TEXT_VRS",
    "NUMBER_VRS",
    "VRS",
    "binary_element",
    "plain_element",
]

#: Lookup table descriptors, whose first value is unsigned whatever the VR (PS3.3 C.11.1.1).
LUT_DESCRIPTORS = frozenset((0x00281101, 0x00281102, 0x00281103, 0x00283002))
#: VR -> (struct code, bytes).
NUMBER_VRS = {
    "FD": ("d", 8),
    "FL": ("f", 4),
    "SL": ("i", 4),
    "SS": ("h", 2),
    "SV": ("q", 8),
    "UL": ("I", 4),
    "US": ("H", 2),
    "UV": ("Q", 8),
}


def plain_element(
    tag: int, vr: str, value: bytes, charset: CharacterSet, mark: str = "<"
) -> dict[str, Any]:
    """Convert an element that is not a sequence; `mark` is the byte order as for `struct`."""
    if not value:
        return {"vr": vr}
    if vr in NUMBER_VRS:
        return _numbers(tag, vr, value, mark)
    if vr == "AT":
        return _tags(value, mark)
    parse = _TEXTS.get(vr)
    if parse is None:
        return binary_element(vr, value)
    values = parse(decode(value, charset) if vr in CHARSET_VRS else value.decode("latin-1"))
    return {"vr": vr, "Value": values} if values else {"vr": vr}


def binary_element(vr: str, value: bytes) -> dict[str, Any]:
    """Return an element with its value in base64."""
    return {"vr": vr, "InlineBinary": b64encode(value).decode("ascii")} if value else {"vr": vr}


def _numbers(tag: int, vr: str, value: bytes, mark: str) -> dict[str, Any]:
    code, size = NUMBER_VRS[vr]
    if len(value) % size:
        return binary_element("UN", value)
    numbers = list(unpack(f"{mark}{len(value) // size}{code}", value))
    if code in "fd":
        numbers = [number if isfinite(number) else _non_finite(number) for number in numbers]
    elif tag in LUT_DESCRIPTORS and len(numbers) > 1 and numbers[0] < 0:
        numbers[0] += 65536
    return {"vr": vr, "Value": numbers}


def _non_finite(number: float) -> str:
    if isnan(number):
        return "NaN"
    return "Infinity" if number > 0 else "-Infinity"


def _tags(value: bytes, mark: str) -> dict[str, Any]:
    if len(value) % 4:
        return binary_element("UN", value)
    words = unpack(f"{mark}{len(value) // 2}H", value)
    return {
        "vr": "AT",
        "Value": [f"{words[i]:04X}{words[i + 1]:04X}" for i in range(0, len(words), 2)],
    }


def _split_whole(text: str) -> list[Any]:
    text = text.rstrip(" \0")
    return text.split("\\") if text else []


def _split_each(text: str) -> list[Any]:
    values = [value.rstrip("\0 ") for value in text.split("\\")]
    return values if values != [""] else []


def _split_both(text: str) -> list[Any]:
    values = [value.strip() for value in text.split("\\")]
    return values if values != [""] else []


def _split_uids(text: str) -> list[Any]:
    return _split_both(text.rstrip(" \0"))


def _one(text: str) -> list[Any]:
    text = text.rstrip("\0 ")
    return [text] if text else []


def _one_uri(text: str) -> list[Any]:
    text = text.rstrip()
    return [text] if text else []


def _decimals(text: str) -> list[Any]:
    text = text.strip().rstrip(" \0")
    return [_decimal(value.strip()) for value in text.split("\\")] if text else []


def _decimal(text: str) -> float | str | None:
    try:
        number = float(text)
    except ValueError:
        return text or None
    return number if isfinite(number) and "_" not in text else text


def _integers(text: str) -> list[Any]:
    text = text.rstrip(" \0")
    return [_integer(value.strip()) for value in text.split("\\")] if text else []


def _integer(text: str) -> int | str | None:
    if "_" in text or not text:
        return text or None
    try:
        return int(text)
    except ValueError:
        pass
    try:
        number = Decimal(text)
    except ArithmeticError:
        return text
    # 400 digits: more is no count of anything, and costs time to expand.
    if not number.is_finite() or abs(number.adjusted()) > 400:
        return text
    return int(number) if number == number.to_integral_value() else text


def _names(text: str) -> list[Any]:
    text = text.rstrip("\0 ")
    values = [_name(value) for value in text.split("\\")]
    return values if values != [None] else []


def _name(text: str) -> dict[str, str] | None:
    groups = text.rstrip("=").split("=", 2)
    if groups == [""]:
        return None
    return dict(zip(("Alphabetic", "Ideographic", "Phonetic"), groups, strict=False))


_TEXTS: dict[str, Callable[[str], list[Any]]] = {
    "AE": _split_both,
    "AS": _split_whole,
    "CS": _split_whole,
    "DA": _split_whole,
    "DS": _decimals,
    "DT": _split_whole,
    "IS": _integers,
    "LO": _split_each,
    "LT": _one,
    "PN": _names,
    "SH": _split_each,
    "ST": _one,
    "TM": _split_whole,
    "UC": _split_each,
    "UI": _split_uids,
    "UR": _one_uri,
    "UT": _one,
}
#: Text VRs in which a backslash separates values (PS3.5 6.4).
MULTIPLE_TEXT_VRS = frozenset(_TEXTS) - {"LT", "ST", "UR", "UT"}
BINARY_VRS = frozenset(("OB", "OD", "OF", "OL", "OV", "OW", "UN"))
#: Every VR of PS3.5 table 6.2-1.
VRS = BINARY_VRS | frozenset((*_TEXTS, *NUMBER_VRS, "AT", "SQ"))
