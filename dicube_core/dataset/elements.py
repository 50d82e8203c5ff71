"""Walk the data elements of a data set without interpreting them (DICOM PS3.5 section 7).

The walker finds where each element of one nesting level begins and ends. It copies nothing and
knows nothing of values, so headers can be kept, compared, patched and put together as the bytes
they are. Every length is checked against the buffer before it is used.

Writers that break the rules are read as pydicom reads them: an element of an explicit data set
whose VR is not two capital letters is taken to have none (its length then has 32 bits), and a VR
that nobody knows is taken to have a length of 16 bits.
"""

from __future__ import annotations

from dataclasses import dataclass
from struct import Struct
from typing import TYPE_CHECKING, NamedTuple

from dicube_core.exceptions import MetaDataError
from dicube_core.settings import get_limits, how_to_raise

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "EXPLICIT_BIG",
    "EXPLICIT_LITTLE",
    "IMPLICIT_LITTLE",
    "LONG_VRS",
    "PIXEL_DATA",
    "SHORT_VRS",
    "Element",
    "Encoding",
    "NeedMoreBytesError",
    "complete_length",
    "element_header",
    "iter_items",
    "looks_explicit",
    "walk",
]

PIXEL_DATA = 0x7FE00010
_ITEM = 0xFFFEE000
_ITEM_END = 0xFFFEE00D
_SEQUENCE_END = 0xFFFEE0DD
_UNDEFINED = 0xFFFFFFFF
_MAX_DEPTH = 64

#: VRs whose explicit header has two reserved bytes and a 32-bit length (PS3.5 table 7.1-1).
LONG_VRS = frozenset(
    (b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV")
)
#: VRs whose explicit header has a 16-bit length.
SHORT_VRS = frozenset(
    (
        *(b"AE", b"AS", b"AT", b"CS", b"DA", b"DS", b"DT", b"FD", b"FL", b"IS", b"LO", b"LT"),
        *(b"PN", b"SH", b"SL", b"SS", b"ST", b"TM", b"UI", b"UL", b"US"),
    )
)


class NeedMoreBytesError(MetaDataError):
    """The buffer ends inside an element; `needed` is the least buffer size to try again with."""

    needed: int = 0


@dataclass(frozen=True, slots=True)
class Encoding:
    """Byte order and explicitness of a data set.

    Parameters
    ----------
    explicit : bool
        Whether each element names its VR.
    big_endian : bool, optional
        Byte order of tags, lengths and binary values.
    """

    explicit: bool
    big_endian: bool = False

    @property
    def mark(self) -> str:
        """Byte-order mark for `struct`."""
        return ">" if self.big_endian else "<"


EXPLICIT_LITTLE = Encoding(explicit=True)
IMPLICIT_LITTLE = Encoding(explicit=False)
EXPLICIT_BIG = Encoding(explicit=True, big_endian=True)


class Element(NamedTuple):
    """Place of one element in a buffer; all positions are absolute in that buffer.

    `vr` is empty for implicit encodings, for items, and where an explicit data set has no VR.
    `stop` is one past the last byte of the element, delimiters included; `value_stop` is one past
    the last byte of its value.
    """

    tag: int
    vr: bytes
    start: int
    value: int
    value_stop: int
    stop: int
    undefined: bool


class _Structs(NamedTuple):
    short: Struct  # group, element, VR, 16-bit length
    implicit: Struct  # group, element, 32-bit length
    long: Struct  # 32-bit length


_STRUCTS = {
    big: _Structs(Struct(mark + "HH2sH"), Struct(mark + "HHI"), Struct(mark + "I"))
    for big, mark in ((False, "<"), (True, ">"))
}


def _need(size: int, stop: int, what: str) -> NeedMoreBytesError:
    error = NeedMoreBytesError(f"{what} ends at byte {size}, the data at byte {stop}")
    error.needed = size
    return error


def _too_deep(start: int) -> MetaDataError:
    limit = get_limits().json_depth
    if limit >= _MAX_DEPTH:
        return MetaDataError(f"sequences nested deeper than {_MAX_DEPTH} at byte {start}")
    return MetaDataError(
        f"sequences nested deeper than the limit json_depth, {limit}, at byte {start}",
        suggestion=how_to_raise("json_depth"),
    )


def walk(  # noqa: C901, PLR0912 - the innermost loop; calls would double its cost
    buffer: bytes | bytearray | memoryview,
    encoding: Encoding = EXPLICIT_LITTLE,
    start: int = 0,
    stop: int | None = None,
    *,
    until: int = 1 << 32,
    depth: int = 0,
) -> Iterator[Element]:
    """Yield the elements of one level.

    Parameters
    ----------
    buffer : bytes-like
        Holds the data set.
    encoding : Encoding
        How it is encoded.
    start, stop : int
        Part of the buffer to walk; to its end by default.
    until : int
        First tag to stop at. That element is yielded last, with the positions of its header
        right and `value_stop` and `stop` as its length says (not checked against the buffer;
        -1 where the length is undefined), so that pixel data need not be in memory.
    depth : int
        Nesting level, bounded against hostile input.

    Raises
    ------
    NeedMoreBytesError
        The buffer ends inside an element.
    MetaDataError
        The bytes are not a data set; the message gives the byte offset.
    """
    if depth > _MAX_DEPTH or depth > get_limits().json_depth:
        raise _too_deep(start)
    stop = len(buffer) if stop is None else stop
    structs = _STRUCTS[encoding.big_endian]
    short, implicit, long = structs.short, structs.implicit, structs.long
    explicit = encoding.explicit
    position = start
    while position < stop:
        if position + 8 > stop:
            raise _need(position + 8, stop, "an element header")
        vr = b""
        if explicit:
            group, number, vr, length = short.unpack_from(buffer, position)
            value = position + 8
            if vr in LONG_VRS:
                value = position + 12
                if value > stop:
                    raise _need(value, stop, "an element header")
                (length,) = long.unpack_from(buffer, position + 8)
            elif vr not in SHORT_VRS and (group == 0xFFFE or not b"AA" <= vr <= b"ZZ"):
                vr = b""
                (length,) = long.unpack_from(buffer, position + 4)
        else:
            group, number, length = implicit.unpack_from(buffer, position)
            value = position + 8
        tag = group << 16 | number
        undefined = length == _UNDEFINED and (value == position + 12 or not vr)
        if tag >= until:
            end = -1 if undefined else value + length
            yield Element(tag, vr, position, value, end, end, undefined)
            return
        if undefined:
            try:
                value_stop, end = _skip_undefined(
                    buffer, encoding, vr, value, stop=stop, depth=depth
                )
            except MetaDataError as error:
                error.message = f"element ({group:04X},{number:04X}) at byte {position}: " + (
                    error.message
                )
                raise
        else:
            value_stop = end = value + length
            if end > stop:
                what = f"element ({group:04X},{number:04X}) at byte {position}"
                if explicit and vr not in LONG_VRS and vr not in SHORT_VRS:
                    what += f" with the unknown value representation {_shown(buffer, position)}"
                raise _need(end, stop, what)
        yield Element(tag, vr, position, value, value_stop, end, undefined)
        position = end


def _shown(buffer: bytes | bytearray | memoryview, position: int) -> str:
    return repr(bytes(buffer[position + 4 : position + 6]))


def _skip_undefined(
    buffer: bytes | bytearray | memoryview,
    encoding: Encoding,
    vr: bytes,
    start: int,
    *,
    stop: int,
    depth: int,
) -> tuple[int, int]:
    """Return where the value of undefined length ends, without and with its delimiter."""
    # PS3.5 6.2.2 note 2: an UN sequence of undefined length is implicit VR little endian inside.
    inner = IMPLICIT_LITTLE if vr == b"UN" else encoding
    position = start
    for item in _iter_raw_items(buffer, inner, start, stop, depth):
        position = item.stop
    return position, position + 8


def _iter_raw_items(
    buffer: bytes | bytearray | memoryview,
    encoding: Encoding,
    start: int,
    stop: int,
    depth: int,
) -> Iterator[Element]:
    """Yield items up to the sequence delimiter, which must be there."""
    unpack = _STRUCTS[encoding.big_endian].implicit.unpack_from
    position = start
    while True:
        if position + 8 > stop:
            raise _need(position + 8, stop, "its next item")
        group, number, length = unpack(buffer, position)
        tag = group << 16 | number
        if tag == _SEQUENCE_END:
            return
        if tag != _ITEM:
            raise MetaDataError(
                f"({group:04X},{number:04X}) found where an item belongs, at byte {position}"
            )
        item = _item(buffer, encoding, position, length, stop=stop, depth=depth)
        yield item
        position = item.stop


def _item(
    buffer: bytes | bytearray | memoryview,
    encoding: Encoding,
    position: int,
    length: int,
    *,
    stop: int,
    depth: int,
) -> Element:
    """Measure one item whose header stands at `position`."""
    value = position + 8
    if length != _UNDEFINED:
        end = value + length
        if end > stop:
            raise _need(end, stop, f"an item at byte {position}")
        return Element(_ITEM, b"", position, value, end, end, False)
    inner = value
    for element in walk(buffer, encoding, value, stop, depth=depth + 1):
        if element.tag == _ITEM_END:
            return Element(_ITEM, b"", position, value, element.start, element.stop, True)
        inner = element.stop
    raise _need(inner + 8, stop, f"an item at byte {position}")


def iter_items(
    buffer: bytes | bytearray | memoryview, element: Element, encoding: Encoding, depth: int = 0
) -> Iterator[Element]:
    """Yield the items of a sequence found by `walk`.

    Raises
    ------
    MetaDataError
        The value is not a sequence of items.
    """
    if element.vr == b"UN":
        encoding = IMPLICIT_LITTLE
    if element.undefined:
        yield from _iter_raw_items(buffer, encoding, element.value, element.stop, depth)
        return
    unpack = _STRUCTS[encoding.big_endian].implicit.unpack_from
    position = element.value
    while position < element.value_stop:
        if position + 8 > element.value_stop:
            raise _need(position + 8, element.value_stop, "an item header")
        group, number, length = unpack(buffer, position)
        tag = group << 16 | number
        if tag == _SEQUENCE_END:  # superfluous after a defined length, seen in the field
            position += 8
            continue
        if tag != _ITEM:
            raise MetaDataError(
                f"({group:04X},{number:04X}) found where an item belongs, at byte {position}"
            )
        end = element.value_stop
        item = _item(buffer, encoding, position, length, stop=end, depth=depth)
        yield item
        position = item.stop


def element_header(tag: int, vr: bytes, length: int, encoding: Encoding) -> bytes:
    """Return the header bytes of an element, for a value of `length` bytes.

    A value too long for a 16-bit length becomes UN, as PS3.5 6.2.2 (note 5) demands. An element
    that has no VR, though its data set is explicit, gets none.
    """
    structs = _STRUCTS[encoding.big_endian]
    group, number = tag >> 16, tag & 0xFFFF
    if not encoding.explicit or not vr:
        return structs.implicit.pack(group, number, length)
    if vr not in LONG_VRS and length > 0xFFFF:
        vr = b"UN"
    if vr in LONG_VRS:
        return structs.short.pack(group, number, vr, 0) + structs.long.pack(length)
    return structs.short.pack(group, number, vr, length)


def complete_length(data: bytes | bytearray | memoryview, encoding: Encoding) -> int:
    """Return how many bytes at the beginning of `data` are whole elements.

    What follows is one element that was cut, or fewer bytes than an element has, or zeros that
    were put behind the data set to fill a block.

    Raises
    ------
    MetaDataError
        The bytes are not a data set, or are cut within an element of undefined length.
    """
    zeros = len(bytes(data).rstrip(b"\0"))
    position = 0
    try:
        for element in walk(data, encoding):
            if element.start >= zeros:
                break
            position = element.stop
    except NeedMoreBytesError:
        if len(data) - position >= 8 and next(walk(data, encoding, position, until=0)).undefined:
            raise
    return position


def looks_explicit(data: bytes | bytearray | memoryview, position: int) -> bool:
    """Whether the element at `position` has a VR (two capital letters), known or not."""
    return b"AA" <= bytes(data[position + 4 : position + 6]) <= b"ZZ"
