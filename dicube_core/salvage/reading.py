"""Read parts of a damaged file, where they should be or where they have moved to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dicube_core.checksum import crc32
from dicube_core.container.layout import Section

if TYPE_CHECKING:
    from dicube_core.container.extension import Entry
    from dicube_core.source import ByteSource

__all__ = ["more_shifts", "proven_part", "read_part"]

#: How far around its place a part is looked for that moved, and how many times.
_AROUND, _TRIES = 1 << 16, 64
_ZSTANDARD, _JSON = b"\x28\xb5\x2f\xfd", b'{"'


def read_part(source: ByteSource, section: Section) -> bytes:
    """Return as much of a part as the file has."""
    size = source.size()
    start, stop = min(section.offset, size), min(section.stop, size)
    return source.read_at(start, stop - start) if 0 <= start < stop else b""


def proven_part(source: ByteSource, entry: Entry, shifts: tuple[int, ...]) -> bytes | None:
    """Return a part that matches its checksum, moved by one of the shifts; None if none does."""
    place = entry.section
    for shift in shifts:
        if place.offset + shift < 0:
            continue
        data = read_part(source, Section(place.offset + shift, place.length))
        if len(data) == place.length and crc32(data) == entry.crc:
            return data
    return None


def more_shifts(
    source: ByteSource, entries: dict[bytes, Entry], shifts: tuple[int, ...]
) -> tuple[int, ...]:
    """Return by how much parts have moved that are found by their beginning and checksum.

    Parts beside them, which begin with nothing special, have moved as far.
    """
    found = list(shifts)
    for entry in entries.values():
        if entry.section.length and proven_part(source, entry, tuple(found)) is None:
            position = _position_near(source, entry)
            if position is not None:
                found.append(position - entry.section.offset)
    return tuple(dict.fromkeys(found))


def _position_near(source: ByteSource, entry: Entry) -> int | None:
    place = entry.section
    start = max(0, place.offset - _AROUND)
    near = read_part(source, Section(start, min(place.length, _AROUND) + 2 * _AROUND))
    for mark in (_ZSTANDARD, _JSON):
        position = near.find(mark)
        for _ in range(_TRIES):
            if position < 0:
                break
            data = read_part(source, Section(start + position, place.length))
            if len(data) == place.length and crc32(data) == entry.crc:
                return start + position
            position = near.find(mark, position + 1)
    return None
