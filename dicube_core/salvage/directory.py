"""Make a damaged directory again from the rest of the file; its own checksum is the judge."""

from __future__ import annotations

from itertools import islice, product
from typing import TYPE_CHECKING

from dicube_core.checksum import crc32
from dicube_core.container.extension import (
    CRITICAL,
    CRITICAL_PARTS,
    FRAME_CHECKSUMS,
    FRAME_MAP,
    FRONT_COPY,
    KEPT_ENCODING,
    LOST_HEADERS,
    REPAIR_RECORD,
    RESOLUTIONS,
    SLICE_HEADERS,
    SOURCE_HEADER,
    WRITER,
    Directory,
    Entry,
    directory_size,
)
from dicube_core.container.layout import HEADER_SIZE, SECTION_NAMES, FileHeader, Section

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dicube_core.container.extension import LooseDirectory

__all__ = ["made_again"]

_PAYLOADS = (
    *(FRAME_CHECKSUMS, WRITER, SLICE_HEADERS, FRAME_MAP, KEPT_ENCODING, SOURCE_HEADER),
    *(REPAIR_RECORD, LOST_HEADERS, RESOLUTIONS),
)
#: Directories that are tried, at most.
_TRIES = 4096

_Slot = tuple[bytes, Section, int]


def made_again(
    loose: LooseDirectory,
    header: FileHeader,
    size: int,
    read: Callable[[Section], bytes],
) -> Directory | None:
    """Return the directory as it was written, None where that cannot be proven.

    Parts lie one after the other, the base sections as the header says; so every number that was
    damaged follows from others, and so does a checksum, if its part is whole.

    Parameters
    ----------
    header : FileHeader
        As it was written.
    read : callable
        Returns the bytes of a part, as many as there are.
    """
    first = loose.slots[0][1].section.offset if loose.slots else 0
    found = (first - HEADER_SIZE - directory_size(0)) // 32
    base = [(Directory.base_tag(name), getattr(header, name)) for name in SECTION_NAMES]
    for n_entries in dict.fromkeys((loose.n_entries, found)):
        if n_entries > len(loose.slots):
            continue
        given, copy = _split(loose.slots[:n_entries])
        if not 1 <= len(given) - len(base) <= len(_PAYLOADS):
            continue
        start = HEADER_SIZE + directory_size(n_entries)
        for plain in islice(_layouts(given, start, base, header), _TRIES):
            slots = plain + copy
            options = [_checksums(slot, read) for slot in slots]
            for crcs in islice(product(*options), _TRIES):
                again = _directory(slots, crcs, header, size)
                if int.from_bytes(again.pack()[36:40], "little") == loose.crc:
                    return again
    return _only_its_checksum(loose, header, base, size, read)


def _split(given: list[tuple[bytes, Entry]]) -> tuple[list[tuple[bytes, Entry]], list[_Slot]]:
    """Return the parts before the frames, and the one behind them."""
    if not given or given[-1][0] != FRONT_COPY:
        return given, []
    tag, entry = given[-1]
    return given[:-1], [(tag, entry.section, entry.crc)]


def _layouts(
    given: list[tuple[bytes, Entry]],
    start: int,
    base: list[tuple[bytes, Section]],
    header: FileHeader,
) -> Iterator[list[_Slot]]:
    """Yield tags and places that fit each other: as stored, or with one length or tag mended."""
    n_parts = len(given) - len(base)
    crcs = [entry.crc for _, entry in given]
    lengths = [entry.section.length for _, entry in given[:n_parts]]
    room = header.dicom_status.offset - start
    for mended in _lengths(lengths, room):
        for tags in _tags([tag for tag, _ in given[:n_parts]]):
            slots, position = [], start
            for tag, length, crc in zip(tags, mended, crcs, strict=False):
                slots.append((tag, Section(position, length), crc))
                position += length
            ends = zip(base, crcs[n_parts:], strict=True)
            yield slots + [(tag, place, crc) for (tag, place), crc in ends]


def _lengths(lengths: list[int], room: int) -> Iterator[list[int]]:
    if sum(lengths) == room:
        yield lengths
        return
    for number, length in enumerate(lengths):
        wanted = room - (sum(lengths) - length)
        if wanted >= 0:
            yield [*lengths[:number], wanted, *lengths[number + 1 :]]


def _tags(tags: list[bytes]) -> Iterator[list[bytes]]:
    strange = [number for number, tag in enumerate(tags) if tag not in _PAYLOADS]
    free = [tag for tag in _PAYLOADS if tag not in tags]
    if not strange:
        yield tags
    if len(strange) == 1:
        for tag in free:
            yield [*tags[: strange[0]], tag, *tags[strange[0] + 1 :]]


def _checksums(slot: _Slot, read: Callable[[Section], bytes]) -> list[int]:
    """Return the checksum as stored, and that of the part if it is another."""
    _, place, stored = slot
    data = read(place)
    return list(dict.fromkeys((stored, crc32(data)))) if len(data) == place.length else [stored]


def _directory(
    slots: list[_Slot], crcs: tuple[int, ...], header: FileHeader, size: int
) -> Directory:
    entries = {
        tag: Entry(place, crc, CRITICAL * (tag in CRITICAL_PARTS))
        for (tag, place, _), crc in zip(slots, crcs, strict=True)
    }
    return Directory(entries, size, header.frame_count, crc32(header.pack()))


def _only_its_checksum(
    loose: LooseDirectory,
    header: FileHeader,
    base: list[tuple[bytes, Section]],
    size: int,
    read: Callable[[Section], bytes],
) -> Directory | None:
    """Accept a directory all of whose entries match their parts: only its checksum is damaged."""
    n_entries = loose.n_entries
    if not len(base) < n_entries <= len(loose.slots) or loose.file_length != size:
        return None
    given, _ = _split(loose.slots[:n_entries])
    tags = [tag for tag, _ in given]
    if tags[-len(base) :] != [tag for tag, _ in base] or FRAME_CHECKSUMS not in tags:
        return None
    if loose.frame_count != header.frame_count or loose.header_crc != crc32(header.pack()):
        return None
    for _, entry in given:
        data = read(entry.section)
        if len(data) != entry.section.length or crc32(data) != entry.crc:
            return None
    return Directory(dict(loose.slots[:n_entries]), size, header.frame_count, loose.header_crc)
