"""Find codestreams by how they look, where the index does not lead to them any more."""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING

from dicube_core.container.layout import Section

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dicube_core.source import ByteSource

__all__ = ["scan"]

_CHUNK = 4 << 20
_SOC_SIZ, _PCODEC = b"\xff\x4f\xff\x51", b"DPCO"
_SOT, _EOC = 0xFF90, b"\xff\xd9"
_PCODEC_HEADER = Struct("<16xI4x")
_unpack_marker = Struct(">HH").unpack
_unpack_length = Struct(">I").unpack
#: Segments of a main header, and tile-parts of a frame (T.800 A.4.2 allows 255).
_MOST = 1024


def scan(source: ByteSource, taken: Sequence[Section], most: int) -> Iterator[Section]:
    """Yield what looks like an encoded frame of this package's own codecs, in file order.

    Its markers lead from its beginning to its end; nothing else of it is checked.

    Parameters
    ----------
    taken : sequence of Section
        What need not be looked at; sorted.
    most : int
        Beginnings to follow at most, so that a hostile file cannot make this long.
    """
    size = source.size()
    position, tries = 0, 0
    for gap in _gaps(taken, size):
        position = gap.offset
        while position < gap.stop:
            start = _next(source, position, gap.stop)
            if start < 0:
                break
            tries += 1
            if tries > most:
                return
            end = _end(source, start, size)
            if end:
                yield Section(start, end - start)
            position = end or start + 4


def _gaps(taken: Sequence[Section], size: int) -> Iterator[Section]:
    position = 0
    for section in taken:
        if section.offset > position:
            yield Section(position, section.offset - position)
        position = max(position, section.stop)
    if position < size:
        yield Section(position, size - position)


def _next(source: ByteSource, position: int, stop: int) -> int:
    """Return where the next frame seems to begin, -1 where none does."""
    while position < stop:
        length = min(_CHUNK, stop - position)
        data = source.read_at(position, length)
        found = [at for mark in (_SOC_SIZ, _PCODEC) if (at := data.find(mark)) >= 0]
        if found:
            return position + min(found)
        if position + length >= stop:
            return -1
        position += length - 3
    return -1


def _end(source: ByteSource, start: int, size: int) -> int:
    """Return where an encoded frame ends, 0 where its markers do not lead to an end."""
    if start + 24 > size:
        return 0
    head = source.read_at(start, 24)
    if head[:4] == _PCODEC:
        end = start + 24 + int(_PCODEC_HEADER.unpack(head)[0])
        return end if end <= size else 0
    position = start + 2
    for _ in range(_MOST):
        if position + 12 > size:
            return 0
        marker, length = _unpack_marker(source.read_at(position, 4))
        if marker == _SOT:
            return _end_of_tiles(source, position, size)
        if marker < 0xFF00 or length < 2:
            return 0
        position += 2 + length
    return 0


def _end_of_tiles(source: ByteSource, position: int, size: int) -> int:
    for _ in range(_MOST):
        if position + 12 > size:
            return 0
        (length,) = _unpack_length(source.read_at(position + 6, 4))
        position += length
        if length < 14 or position + 2 > size:
            return 0
        behind = source.read_at(position, 2)
        if behind == _EOC:
            return position + 2
        if behind != b"\xff\x90":
            return 0
    return 0
