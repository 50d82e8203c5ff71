"""Find Pixel Data in a header, and the few elements that a series depends on, on the way."""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING

from dicube_core.dataset.elements import (
    EXPLICIT_LITTLE,
    IMPLICIT_LITTLE,
    LONG_VRS,
    PIXEL_DATA,
    SHORT_VRS,
    NeedMoreBytesError,
    walk,
)
from dicube_core.spatial.marks import MARK_TAGS

if TYPE_CHECKING:
    from dicube_core.dicom.headers import SliceHeader

__all__ = [
    "PIXEL_ELEMENTS",
    "UNDEFINED",
    "WANTED",
    "find_explicit",
    "find_implicit",
    "header_values",
    "walked_values",
]

#: A length that is not told.
UNDEFINED = 0xFFFFFFFF

#: What is read of each header while walking it; the rest is only kept.
WANTED = frozenset(
    (
        *(0x00080016, 0x00080018, 0x00080060, 0x00180050, 0x00180088, 0x0020000D, 0x0020000E),
        *(0x00200013, 0x00200032, 0x00200037, 0x00201041, 0x00280002, 0x00280004, 0x00280006),
        *(0x00280008, 0x00280010, 0x00280011, 0x00280030, 0x00280100, 0x00280101, 0x00280102),
        *(0x00280103, 0x00281050, 0x00281051, 0x00281052, 0x00281053, 0x00283000),
        *(0x7FE00001, 0x7FE00002),  # offset table of compressed frames
        *MARK_TAGS,  # what tells slices at one place apart
    )
)
#: The elements that hold frames; a header ends before the first of them. Float and Double Float
#: Pixel Data are also put among the values, empty, since all other fields depend on them.
PIXEL_ELEMENTS = frozenset((0x7FE00008, 0x7FE00009, PIXEL_DATA))
_PIXEL_RAW = frozenset((tag & 0xFFFF) << 16 | tag >> 16 for tag in PIXEL_ELEMENTS)
#: The walker compares tags as they lie in the file: element number above group.
_WANTED_RAW = {(tag & 0xFFFF) << 16 | tag >> 16: tag for tag in WANTED}
_SHORT = Struct("<I2sH")
_LONG = Struct("<I")
_IMPLICIT = Struct("<II")


def header_values(header: SliceHeader) -> dict[int, bytes]:
    """Return the raw values of the `WANTED` elements of a header that was kept."""
    return walked_values(header)[0]


def walked_values(header: SliceHeader) -> tuple[dict[int, bytes], int | None]:
    """Return `header_values`, and where in the head a pixel element is: None if it has none.

    The head is walked to there, or as a whole.

    Raises
    ------
    MetaDataError
        It is not whole elements.
    """
    finder = find_explicit if header.explicit else find_implicit
    values, place = finder(header.head, 0, len(header.head))
    tag = header.pixel_tag
    if tag != PIXEL_DATA and tag in PIXEL_ELEMENTS:
        values[tag] = b""
    return values, None if place is None else place[0]


def find_explicit(
    front: bytes, position: int, size: int
) -> tuple[dict[int, bytes], tuple[int, int, int] | None]:
    """Walk to Pixel Data, collecting the wanted values.

    The loop that every slice of a plain series goes through; `elements.walk` does the same for
    the general case, at three times the cost.
    """
    values: dict[int, bytes] = {}
    unpack, wanted = _SHORT.unpack_from, _WANTED_RAW
    long_vrs, short_vrs = LONG_VRS, SHORT_VRS
    available = len(front)
    limit = available - 12
    while position <= limit:
        raw, vr, length = unpack(front, position)
        value = position + 8
        if vr in long_vrs:
            (length,) = _LONG.unpack_from(front, position + 8)
            value = position + 12
            usual = length != UNDEFINED
        else:
            usual = vr in short_vrs
        if raw in _PIXEL_RAW:
            if raw != 0x00107FE0:
                values[0x7FE00000 | raw >> 16] = b""
            return values, (position, value, length)
        if not usual:
            # Sequences of undefined length, and what breaks the rules, are left to the walker.
            element = next(walk(front, EXPLICIT_LITTLE, position))
            if raw in wanted:
                values[wanted[raw]] = front[element.value : element.value_stop]
            position = element.stop
            continue
        value_stop = value + length
        if value_stop > available:
            break
        if raw in wanted:
            values[wanted[raw]] = front[value:value_stop]
        position = value_stop
    _require_rest(position + 12, available, size)
    return values, _find_in_rest(front, position, values)


def _require_rest(wanted: int, available: int, size: int) -> None:
    """Ask for more where the header goes on behind what was read."""
    if available < size:
        error = NeedMoreBytesError("the header goes on")
        error.needed = min(size, max(wanted, available + 1))
        raise error


def _find_in_rest(
    front: bytes, position: int, values: dict[int, bytes]
) -> tuple[int, int, int] | None:
    """Finish `find_explicit` where the last element is too short for its loop, or cut."""
    for element in walk(front, EXPLICIT_LITTLE, position, until=PIXEL_DATA):
        if element.tag in PIXEL_ELEMENTS:
            if element.tag != PIXEL_DATA:
                values[element.tag] = b""
            length = UNDEFINED if element.undefined else element.value_stop - element.value
            return element.start, element.value, length
        if element.tag > PIXEL_DATA:
            for _ in walk(front, EXPLICIT_LITTLE, element.start):
                pass  # names the element that is cut, if one is
        elif element.tag in WANTED:
            values[element.tag] = front[element.value : element.value_stop]
    return None


def find_implicit(
    front: bytes, position: int, size: int
) -> tuple[dict[int, bytes], tuple[int, int, int] | None]:
    """Do the same for Implicit VR Little Endian."""
    values: dict[int, bytes] = {}
    unpack, wanted = _IMPLICIT.unpack_from, _WANTED_RAW
    available = len(front)
    while position + 8 <= available:
        raw, length = unpack(front, position)
        value = position + 8
        if raw in _PIXEL_RAW:
            if raw != 0x00107FE0:
                values[0x7FE00000 | raw >> 16] = b""
            return values, (position, value, length)
        if length == UNDEFINED:
            element = next(walk(front, IMPLICIT_LITTLE, position))
            if raw in wanted:
                values[wanted[raw]] = front[element.value : element.value_stop]
            position = element.stop
            continue
        value_stop = value + length
        if value_stop > available:
            break
        if raw in wanted:
            values[wanted[raw]] = front[value:value_stop]
        position = value_stop
    _require_rest(position + 8, available, size)
    for _ in walk(front, IMPLICIT_LITTLE, position):
        pass  # names the element that is cut, if one is
    return values, None
