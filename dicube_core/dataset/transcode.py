"""Change the encoding of a data set, element by element, without touching its values.

Values are copied as they are (byte-swapped between byte orders), so text keeps its spelling and
padding. Lengths stay of the kind they were: undefined lengths keep their delimiters, defined ones
are computed anew where sizes change, group lengths (PS3.5 7.2) included.
"""

from __future__ import annotations

import zlib
from functools import partial
from struct import pack
from typing import TYPE_CHECKING

from dicube_core.dataset.elements import (
    EXPLICIT_BIG,
    EXPLICIT_LITTLE,
    IMPLICIT_LITTLE,
    PIXEL_DATA,
    Element,
    Encoding,
    element_header,
)
from dicube_core.dataset.json_model import Level
from dicube_core.exceptions import MetaDataError
from dicube_core.settings import get_limits, how_to_raise

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["big_to_little", "explicit_to_implicit", "implicit_to_explicit", "inflate"]

_UNDEFINED = 0xFFFFFFFF
_BITS_ALLOCATED = 0x00280100
_ITEM = 0xFFFEE000
_ITEM_END = pack("<HHI", 0xFFFE, 0xE00D, 0)
_SEQUENCE_END = pack("<HHI", 0xFFFE, 0xE0DD, 0)
#: Bytes per number, where the byte order matters (PS3.5 7.3).
_WIDTHS = {
    **dict.fromkeys(("AT", "OW", "SS", "US"), 2),
    **dict.fromkeys(("FL", "OF", "OL", "SL", "UL"), 4),
    **dict.fromkeys(("FD", "OD", "OV", "SV", "UV"), 8),
}
#: Float and Double Float Pixel Data have numbers of this width, whatever their VR is called.
_REAL_PIXELS = {0x7FE00008: "OF", 0x7FE00009: "OD"}
#: Bits of a sample -> a VR with numbers of this width.
_OF_BITS = {16: "OW", 32: "OL", 64: "OV"}


def big_to_little(data: bytes | bytearray | memoryview) -> bytes:
    """Convert Explicit VR Big Endian to Explicit VR Little Endian.

    Parameters
    ----------
    data : bytes-like
        Data set, with or without (uncompressed) Pixel Data.

    Returns
    -------
    bytes
        As long as `data`, unless elements without VR become UN. Values of UN are left as they
        are: nobody knows their byte order.

    Raises
    ------
    MetaDataError
        Not a data set, or a binary value is not a whole number of numbers.
    """
    return _convert(Level(bytes(data), EXPLICIT_BIG), EXPLICIT_LITTLE, _explicit_vr)


def implicit_to_explicit(data: bytes | bytearray | memoryview) -> bytes:
    """Convert Implicit VR Little Endian to Explicit VR Little Endian.

    Parameters
    ----------
    data : bytes-like
        Data set.

    Returns
    -------
    bytes
        VRs are those of the public and private dictionaries, ambiguous ones settled by the data
        set. Elements nobody knows become UN, and so do values too long for their VR (PS3.5
        6.2.2) and sequences that are not well-formed; all with unchanged values.

    Raises
    ------
    MetaDataError
        Not a data set.
    """
    return _convert(Level(bytes(data), IMPLICIT_LITTLE), EXPLICIT_LITTLE, Level.vr)


def explicit_to_implicit(data: bytes | bytearray | memoryview) -> bytes:
    """Convert Explicit VR Little Endian to Implicit VR Little Endian.

    VRs are lost where no dictionary has them, which is what this encoding means.

    Raises
    ------
    MetaDataError
        Not a data set, or a sequence in it is not well-formed.
    """
    return _convert(Level(bytes(data), EXPLICIT_LITTLE), IMPLICIT_LITTLE, _explicit_vr)


def inflate(data: bytes | bytearray | memoryview) -> bytes:
    """Decompress a Deflated Explicit VR Little Endian data set (PS3.5 A.5).

    Raises
    ------
    MetaDataError
        The stream is damaged or cut, is followed by something else than padding or the trailer
        of gzip, or gives more than ``Limits.metadata_bytes``.
    """
    stream = zlib.decompressobj(-zlib.MAX_WBITS)
    limit = get_limits().metadata_bytes
    try:
        result = stream.decompress(data, limit)
    except zlib.error as error:
        raise MetaDataError(f"deflated data set is damaged: {error}") from error
    if not stream.eof:
        if len(result) >= limit:
            raise MetaDataError(
                f"deflated data set holds more than the limit metadata_bytes of {limit} bytes",
                suggestion=how_to_raise("metadata_bytes"),
            )
        raise MetaDataError(f"deflated data set is cut: it ends after {len(data)} bytes")
    # Some writers end the stream as gzip does, with checksum and size.
    trailer = pack("<II", zlib.crc32(result), len(result) & 0xFFFFFFFF)
    if stream.unused_data.removeprefix(trailer).strip(b"\0"):
        raise MetaDataError(
            f"{len(stream.unused_data)} bytes follow the deflated data set, which ends at byte "
            f"{len(data) - len(stream.unused_data)}"
        )
    return result


def _explicit_vr(level: Level, element: Element) -> str:
    if element.undefined and element.vr == b"UN" and level.encoding.explicit:
        return "UN"
    return element.vr.decode("latin-1") or level.vr(element)


def _convert(level: Level, target: Encoding, vr_of: Callable[[Level, Element], str]) -> bytes:
    """Return the level in another encoding."""
    if level.encoding == target:  # an item written in the other encoding than its data set
        return level.data[level.span]
    parts = [
        (element.tag, _element(level, element, target, vr_of(level, element), vr_of))
        for element in level.walked
        if element.tag >> 16 != 0xFFFE
    ]
    return b"".join(_with_group_lengths(parts, target))


def _with_group_lengths(parts: list[tuple[int, bytes]], target: Encoding) -> list[bytes]:
    """Return the elements, group lengths among them counted anew."""
    result: list[bytes] = []
    following: dict[int, int] = {}
    # Headers are kept without Pixel Data, which the length of its group counts.
    skipped = PIXEL_DATA >> 16 if all(tag != PIXEL_DATA for tag, _ in parts) else -1
    for tag, part in reversed(parts):
        group = tag >> 16
        counted = part
        if tag & 0xFFFF == 0 and len(part) >= 12 and group != skipped:
            counted = element_header(tag, b"UL", 4, target) + pack("<I", following.get(group, 0))
        following[group] = following.get(group, 0) + len(counted)
        result.append(counted)
    return result[::-1]


def _element(
    level: Level,
    element: Element,
    target: Encoding,
    vr: str,
    vr_of: Callable[[Level, Element], str],
) -> bytes:
    value = level.data[element.value : element.value_stop]
    header = partial(element_header, element.tag, encoding=target)
    if vr == "SQ":
        try:
            content = _items(level, element, target, vr_of)
        except MetaDataError:
            if element.undefined or level.encoding.explicit:
                raise
            return header(b"UN", len(value)) + value
        if element.undefined:
            return header(b"SQ", _UNDEFINED) + content + _SEQUENCE_END
        return header(b"SQ", len(content)) + content
    if element.undefined:
        # Fragments of encapsulated pixels, or UN, which is implicit little endian inside.
        return header(vr.encode("latin-1"), _UNDEFINED) + value + _SEQUENCE_END
    if level.encoding.big_endian:
        width = _REAL_PIXELS.get(element.tag, vr)
        if element.tag == PIXEL_DATA:
            width = _pixel_vr(level.first_word(_BITS_ALLOCATED) or 0, vr)
        value = _swapped(element, width, value)
    return header(vr.encode("latin-1"), len(value)) + value


def _items(
    level: Level, element: Element, target: Encoding, vr_of: Callable[[Level, Element], str]
) -> bytes:
    parts = []
    for item in level.items(element):
        content = _convert(item, target, vr_of)
        length = _UNDEFINED if item.undefined else len(content)
        parts += [pack("<HHI", _ITEM >> 16, _ITEM & 0xFFFF, length), content]
        if item.undefined:
            parts.append(_ITEM_END)
    return b"".join(parts)


def _pixel_vr(bits_allocated: int, vr: str) -> str:
    """Return a VR whose numbers are as wide as those in which big endian pixels are swapped.

    Writers swap samples of 16 bits and more as a whole, whatever the VR is called; of smaller
    ones two share a word of OW (PS3.5 8.1.1).
    """
    if bits_allocated > 8:
        return _OF_BITS.get(bits_allocated, vr)
    return "OW" if vr == "OW" else "OB"


def _swapped(element: Element, vr: str, value: bytes) -> bytes:
    """Reverse the bytes of each number."""
    width = _WIDTHS.get(vr, 1)
    if len(value) % width:
        raise MetaDataError(
            f"element ({element.tag >> 16:04X},{element.tag & 0xFFFF:04X}) at byte "
            f"{element.start} has {len(value)} bytes, which is no whole number of {vr}"
        )
    if width == 1:
        return value
    result = bytearray(len(value))
    for offset in range(width):
        result[offset::width] = value[width - 1 - offset :: width]
    return bytes(result)
