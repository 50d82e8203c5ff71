"""Where each frame of encapsulated Pixel Data lies (DICOM PS3.5 A.4)."""

from __future__ import annotations

from itertools import pairwise
from struct import Struct
from typing import TYPE_CHECKING

from dicube_core.exceptions import MetaDataError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Fragment", "frames_of_fragments", "require_one_frame"]

#: (offset of the item's value in the file, its length).
Fragment = tuple[int, int]

_ITEM = Struct("<HHI")
#: Codestreams that JPEG's end marker ends: all but RLE, whose frames have one fragment each.
_END_MARKER = b"\xff\xd9"
_RLE = "1.2.840.10008.1.2.5"
_RLE_START = b"\0\0\0\x40\0\0\0"


def frames_of_fragments(
    read: Callable[[int, int], bytes],
    place: tuple[int, int],
    frame_count: int,
    syntax: str,
    extended: tuple[bytes, bytes] = (b"", b""),
) -> list[list[Fragment]]:
    """Return the fragments of every frame.

    Parameters
    ----------
    read : callable
        ``read(offset, length)`` returns bytes of the file.
    place : (int, int)
        Offset and length of the Pixel Data value, its delimiter included.
    frame_count : int
        Frames that there should be.
    syntax : str
        Transfer Syntax UID.
    extended : (bytes, bytes), optional
        Extended Offset Table and its lengths (7FE0,0001), (7FE0,0002).

    Raises
    ------
    MetaDataError
        It cannot be told which fragments make up which frame.
    """
    table, fragments = _items(read, *place)
    count = len(fragments)
    if count < frame_count:
        raise MetaDataError(f"{frame_count} frames in {count} fragments cannot be")
    starts = _starts(table, extended[0], frame_count, fragments)
    if starts is not None:
        return [fragments[a:b] for a, b in zip(starts, [*starts[1:], count], strict=True)]
    if count == frame_count:
        return [[fragment] for fragment in fragments]
    if frame_count == 1:
        return [fragments]
    if syntax == _RLE:
        raise MetaDataError(f"{count} fragments of RLE for {frame_count} frames")
    return _by_end_markers(read, fragments, frame_count)


def require_one_frame(value: bytes, syntax: str) -> None:
    """Refuse the Pixel Data of a single-frame instance that holds more frames than that.

    Decoders read the first one and pass over the others in silence.

    Parameters
    ----------
    value : bytes
        The encapsulated value: offset table, fragments, delimiter.
    syntax : str
        Transfer Syntax UID.

    Raises
    ------
    MetaDataError
        Names the number of frames.
    """
    _, fragments = _items(lambda offset, length: value[offset : offset + length], 0, len(value))
    if syntax == _RLE:
        # A frame begins with the number of its segments and the place of the first (PS3.5 G.5).
        starts = (value[at : at + 8] for at, size in fragments[1:] if size > 64)
        frames = 1 + sum(1 <= start[0] <= 15 and start[1:] == _RLE_START for start in starts)
    else:
        ends = (value[at + max(0, size - 10) : at + size] for at, size in fragments[:-1])
        frames = 1 + sum(_END_MARKER in end for end in ends)
    if frames > 1:
        raise MetaDataError(
            f"the compressed Pixel Data holds {frames} frames, NumberOfFrames says 1, which is "
            "wrong then"
        )


def _items(
    read: Callable[[int, int], bytes], offset: int, length: int
) -> tuple[bytes, list[Fragment]]:
    """Return the Basic Offset Table and the places of all fragments after it."""
    position, stop = offset, offset + length
    found: list[Fragment] = []
    table: bytes | None = None
    while position + 8 <= stop:
        group, number, size = _ITEM.unpack(read(position, 8))
        if (group, number) == (0xFFFE, 0xE0DD):
            break
        if (group, number) != (0xFFFE, 0xE000) or position + 8 + size > stop:
            raise MetaDataError(f"no fragment of Pixel Data at byte {position}")
        if table is None:
            table = read(position + 8, size)
        else:
            found.append((position + 8, size))
        position += 8 + size
    return table or b"", found


def _starts(
    basic: bytes, extended: bytes, frame_count: int, fragments: list[Fragment]
) -> list[int] | None:
    """Return the number of each frame's first fragment as an offset table says, None without."""
    width, data = (8, extended) if extended else (4, basic)
    if not data:
        return None
    if len(data) != width * frame_count:
        raise MetaDataError(
            f"the offset table has {len(data)} bytes, {frame_count} frames need "
            f"{width * frame_count}"
        )
    first = fragments[0][0] - 8
    numbers = {offset - 8 - first: n for n, (offset, _) in enumerate(fragments)}
    offsets = [int.from_bytes(data[at : at + width], "little") for at in range(0, len(data), width)]
    starts = [numbers.get(offset, -1) for offset in offsets]
    ascending = all(a < b for a, b in pairwise(starts))
    if starts[0] != 0 or -1 in starts or not ascending:
        raise MetaDataError("the offset table of Pixel Data points to where no frame begins")
    return starts


def _by_end_markers(
    read: Callable[[int, int], bytes], fragments: list[Fragment], frame_count: int
) -> list[list[Fragment]]:
    """Without offset table, a frame ends with the fragment that holds its end marker."""
    frames: list[list[Fragment]] = [[]]
    for offset, length in fragments:
        frames[-1].append((offset, length))
        end = read(offset + max(0, length - 10), min(10, length))
        if _END_MARKER in end:
            frames.append([])
    if not frames[-1]:
        frames.pop()
    if len(frames) != frame_count:
        raise MetaDataError(
            f"{len(fragments)} fragments without offset table end {len(frames)} frames, "
            f"NumberOfFrames is {frame_count}"
        )
    return frames
