"""Elements of the DICOM JSON model (PS3.18 annex F) to bytes, exactly or not at all."""

from __future__ import annotations

import binascii
import re
from base64 import b64decode
from decimal import Decimal
from struct import error as struct_error
from struct import pack
from typing import TYPE_CHECKING, Any

from dicube_core.dataset._text import (
    CHARACTER_SET,
    DEFAULT,
    NAMING_VRS,
    CharacterSet,
    character_set_of,
    encode,
)
from dicube_core.dataset._values import (
    BINARY_VRS,
    LUT_DESCRIPTORS,
    MULTIPLE_TEXT_VRS,
    NUMBER_VRS,
    VRS,
    plain_element,
)
from dicube_core.dataset._vr import CHARSET_VRS
from dicube_core.dataset.elements import EXPLICIT_LITTLE, Encoding, element_header
from dicube_core.exceptions import MetaDataError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["decimal_text", "encode_dataset", "encode_element", "value_of"]

#: Sequences deeper than this would not be read again (`elements.walk`).
_MAX_DEPTH = 64
_TAG = re.compile(r"[0-9A-Fa-f]{8}")
_ITEM_GROUP, _ITEM_NUMBER = 0xFFFE, 0xE000
_NAME_GROUPS = ("Alphabetic", "Ideographic", "Phonetic")
_NON_FINITE = frozenset(("NaN", "Infinity", "-Infinity"))


def encode_dataset(
    model: Mapping[str, Mapping[str, Any]],
    encoding: Encoding = EXPLICIT_LITTLE,
    charset: CharacterSet = DEFAULT,
    *,
    depth: int = 0,
) -> bytes:
    """Encode a data set of the DICOM JSON model.

    Parameters
    ----------
    model : dict
        ``{"GGGGEEEE": {"vr": ..., "Value" | "InlineBinary": ...}}``; group lengths are left out.
    encoding : Encoding, optional
        Little endian.
    charset : CharacterSet, optional
        Of the data set around; an own (0008,0005) takes its place.
    depth : int, optional
        Nesting depth, bounded.

    Returns
    -------
    bytes
        Sorted by tag, sequences and items with defined lengths.

    Raises
    ------
    MetaDataError
        An element cannot be written so that it reads the same; the message names its tag.
    """
    if depth > _MAX_DEPTH:
        raise MetaDataError(f"sequences nested deeper than {_MAX_DEPTH}")
    named = model.get(f"{CHARACTER_SET:08X}")
    if named is not None and hasattr(named, "get"):
        charset = character_set_of(value_of(CHARACTER_SET, named) or ())
    parts = []
    for key in sorted(model):
        element = model[key]
        if not isinstance(key, str) or not _TAG.fullmatch(key) or not hasattr(element, "get"):
            raise MetaDataError(f"{key!r} is not a tag with an element of the DICOM JSON model")
        tag = int(key, 16)
        if tag & 0xFFFF:
            value = value_of(tag, element)
            parts.append(
                _encode(tag, str(element.get("vr")), value, encoding, charset, depth=depth)
            )
    return b"".join(parts)


def value_of(tag: int, element: Mapping[str, Any]) -> list[Any] | bytes | None:
    """Return what an element of the JSON model holds: values, bytes, or None for empty.

    Raises
    ------
    MetaDataError
        The value is not in the model (BulkDataURI), or is not base64.
    """
    if "InlineBinary" in element:
        try:
            return b64decode(element["InlineBinary"], validate=True)
        except (binascii.Error, TypeError, ValueError) as error:
            raise MetaDataError(f"{_name(tag)}: InlineBinary is not base64") from error
    if "BulkDataURI" in element:
        raise MetaDataError(f"{_name(tag)}: the value is elsewhere: {element['BulkDataURI']!r}")
    value = element.get("Value")
    if value is not None and not isinstance(value, list):
        raise MetaDataError(f"{_name(tag)}: Value is a {type(value).__name__}, not a list")
    return value


def encode_element(
    tag: int,
    vr: str,
    value: list[Any] | bytes | None,
    encoding: Encoding = EXPLICIT_LITTLE,
    charset: CharacterSet = DEFAULT,
) -> bytes:
    """Encode one element.

    Parameters
    ----------
    tag : int
        ``0xGGGGEEEE``.
    vr : str
        Two letters.
    value : list, bytes or None
        ``Value`` of the JSON model, the decoded ``InlineBinary``, or None for an empty element.
    encoding : Encoding, optional
        Little endian.
    charset : CharacterSet, optional
        Of the data set.

    Raises
    ------
    MetaDataError
        The value does not fit the VR, or would not read the same.
    """
    return _encode(tag, vr, value, encoding, charset, depth=0)


def _encode(
    tag: int,
    vr: str,
    value: list[Any] | bytes | None,
    encoding: Encoding,
    charset: CharacterSet,
    *,
    depth: int,
) -> bytes:
    if vr not in VRS:
        raise MetaDataError(f"{_name(tag)}: unknown VR {vr!r}")
    if encoding.big_endian:
        raise MetaDataError("data sets are written little endian only")
    if tag == CHARACTER_SET and value and vr not in NAMING_VRS:
        raise MetaDataError(f"{_name(tag)}: VR {vr}, which no reader takes for a character set")
    if vr == "SQ":
        content = _items(tag, value, encoding, charset, depth)
    elif value and isinstance(value, bytes) != (vr in BINARY_VRS):
        raise MetaDataError(f"{_name(tag)}: a {type(value).__name__} is no value of VR {vr}")
    elif isinstance(value, bytes):
        content = value + b"\0" * (len(value) % 2)
    else:
        content = _plain(tag, vr, value, charset) if value else b""
    return element_header(tag, vr.encode("ascii"), len(content), encoding) + content


def _items(tag: int, value: object, encoding: Encoding, charset: CharacterSet, depth: int) -> bytes:
    if not isinstance(value, list | None):
        raise MetaDataError(f"{_name(tag)}: a sequence is a list of items")
    parts = []
    for item in value or ():
        if not hasattr(item, "items"):
            found = "null" if item is None else type(item).__name__
            raise MetaDataError(f"{_name(tag)}: an item is {found}, not a data set")
        content = encode_dataset(item, encoding, charset, depth=depth + 1)
        parts += [pack("<HHI", _ITEM_GROUP, _ITEM_NUMBER, len(content)), content]
    return b"".join(parts)


def _plain(tag: int, vr: str, values: list[Any], charset: CharacterSet) -> bytes:
    """Encode values, and make sure that they read the same."""
    try:
        if vr in NUMBER_VRS:
            content = _numbers(tag, vr, values)
        elif vr == "AT":
            content = b"".join(pack("<HH", int(v[:4], 16), int(v[4:], 16)) for v in values)
        else:
            used = charset if vr in CHARSET_VRS else DEFAULT
            content = b"\\".join(_WRITERS[vr](value, used) for value in values)
            content += (b"\0" if vr == "UI" else b" ") * (len(content) % 2)
    except MetaDataError as error:
        raise MetaDataError(f"{_name(tag)}: {error.message}", None, error.suggestion) from error
    except (struct_error, TypeError, ValueError, OverflowError) as error:
        raise MetaDataError(f"{_name(tag)}: {values!r} does not fit VR {vr}") from error
    found = plain_element(tag, vr, content, charset).get("Value", [])
    if not _equal(found, values):
        raise MetaDataError(f"{_name(tag)}: {values!r} would read as {found!r} (VR {vr})")
    return content


def _equal(found: list[Any], values: list[Any]) -> bool:
    """Whether values are the same, where nothing may be None, empty text or an empty group."""
    plain, seen = [_bare(value) for value in values], [_bare(value) for value in found]
    return seen == plain or (not seen and plain == [None])


def _bare(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: group for name, group in value.items() if group} or None
    return None if value == "" else value


def _numbers(tag: int, vr: str, values: list[Any]) -> bytes:
    code, _ = NUMBER_VRS[vr]
    if any(isinstance(value, bool) for value in values):
        raise TypeError("truth values are not numbers")
    if code in "fd":
        values = [float(value) if value in _NON_FINITE else value for value in values]
    elif vr == "SS" and tag in LUT_DESCRIPTORS and len(values) > 1 and values[0] > 0x7FFF:
        values = [values[0] - 65536, *values[1:]]
    return pack(f"<{len(values)}{code}", *values)


def decimal_text(number: float) -> str:
    """Return the shortest text that reads as `number`, with an exponent only if that is shorter."""
    text = repr(number)
    if "." not in text and "e" not in text:
        return text  # not finite
    plain = text[:-2] if text.endswith(".0") and number else text
    # normalize() is exact here: no float's text has more digits than the 28 it keeps.
    other = str(Decimal(text).normalize()).replace("E+", "E")
    return plain if len(plain) <= len(other) else other


def _write_decimal(value: object, charset: CharacterSet) -> bytes:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return decimal_text(float(value)).encode()
    return _write_text(value, charset)


def _write_integer(value: object, charset: CharacterSet) -> bytes:
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value).encode()
    return _write_text(value, charset)


def _write_text(value: object, charset: CharacterSet) -> bytes:
    if value is None:
        return b""
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is not text")
    return encode(value, charset)


def _write_name(value: object, charset: CharacterSet) -> bytes:
    if value is None:
        return b""
    if not isinstance(value, dict) or not set(value) <= set(_NAME_GROUPS):
        raise TypeError(f"{value!r} is not a person name")
    groups = [value.get(name, "") for name in _NAME_GROUPS]
    # Components are encoded one by one: each begins in the first character set (PS3.5 6.2.1.2).
    encoded = [b"^".join(encode(part, charset) for part in group.split("^")) for group in groups]
    return b"=".join(encoded).rstrip(b"=")


_WRITERS: dict[str, Callable[[object, CharacterSet], bytes]] = {
    **dict.fromkeys((*MULTIPLE_TEXT_VRS, "LT", "ST", "UR", "UT"), _write_text),
    "DS": _write_decimal,
    "IS": _write_integer,
    "PN": _write_name,
}


def _name(tag: int) -> str:
    return f"element ({tag >> 16:04X},{tag & 0xFFFF:04X})"
