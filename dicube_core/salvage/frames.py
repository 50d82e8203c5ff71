"""The frames of a damaged file that are as they were written, each under its own number.

A frame is taken under a number only if it matches the checksum that stands at that number.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from itertools import accumulate, islice, product
from typing import TYPE_CHECKING

from dicube_core.checksum import crc32
from dicube_core.container.extension import FRAME_CHECKSUMS, FRONT_COPY
from dicube_core.container.index import pack_u32, unpack_u32, unpack_u64
from dicube_core.container.layout import Section
from dicube_core.salvage.scanning import scan
from dicube_core.salvage.tables import made_table

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dicube_core.salvage.places import Places

__all__ = ["FoundFrames", "find_frames"]

#: Tables of checksums that are tried.
_TRIES = 4096


@dataclass(slots=True)
class FoundFrames:
    """Where the frames of a damaged file lie.

    Parameters
    ----------
    places : list of Section or None
        Per frame: where it is whole, None where it is not.
    crcs : list of int
        CRC-32 of those.
    wanted : list of Section or None
        Per frame: where the index says that it lies.
    causes : dict
        Frame -> why it is lost.
    unknown : list of Section
        What looks like a frame, with a number that nothing proves.
    """

    places: list[Section | None]
    crcs: list[int]
    wanted: list[Section | None]
    causes: dict[int, str] = field(default_factory=dict)
    unknown: list[Section] = field(default_factory=list)


def find_frames(places: Places) -> FoundFrames:
    """Find the frames of a file with checksums, and note which tables are damaged."""
    count = places.header.frame_count
    index = _Index(places, count)
    found = FoundFrames([None] * count, [0] * count, index.wanted)
    table, proven = _checksums(places, count)
    size = places.source.size()
    taker = _Taker(places, found, 2 * size)
    for frame, place in enumerate(index.wanted):
        taker.take(frame, table[frame], () if place is None else (place,))
    taker = _Taker(places, found, 4 * size)
    for frame in (n for n, place in enumerate(found.places) if place is None):
        taker.take(frame, table[frame], _candidates(places, found, index, frame))
    if not proven and places.sound:
        proven = _complete(places, found, index, table)
    if proven and (None in found.places or any(places.shifts)):
        _look_everywhere(places, found, index, table)
    if found.unknown and None not in found.places:
        # All that the file says it has is there, and more: another file was put before or behind.
        cause = f"{len(found.unknown)} more of what looks like frames are in it"
        outcome = "left out: they are of another file, or nothing proves their numbers"
        places.note("file", found.unknown[0], cause, outcome, lost=True)
    if index.is_proven:
        _note_moved(places, found)
    for frame in (n for n, place in enumerate(found.places) if place is None):
        found.causes[frame] = _cause(places, index.wanted[frame], proven=proven)
    return found


@dataclass(slots=True)
class _Taker:
    """Takes frames that match their checksum.

    Reads `left` bytes at most, so that lengths that are wrong cannot make this long.
    """

    places: Places
    found: FoundFrames
    left: int
    taken: set[int] = field(init=False)

    def __post_init__(self) -> None:
        self.taken = {place.offset for place in self.found.places if place is not None}

    def crc(self, place: Section) -> int | None:
        """Return the checksum of a place, None if it cannot be one or is too long."""
        size = self.places.source.size()
        if place.length < 1 or place.offset < 0 or place.stop > size or place.length > self.left:
            return None
        self.left -= place.length
        return crc32(self.places.read(place))

    def take(self, frame: int, crc: int | None, options: Iterable[Section]) -> None:
        """Note the first of the places that matches."""
        if crc is None:
            return
        for place in options:
            # Of two equal frames, the one that is left is not both.
            if place.offset not in self.taken and self.crc(place) == crc:
                self.taken.add(place.offset)
                self.found.places[frame], self.found.crcs[frame] = place, crc
                return


def _note_moved(places: Places, found: FoundFrames) -> None:
    pairs = list(zip(found.places, found.wanted, strict=True))
    moved = [n for n, (place, wanted) in enumerate(pairs) if place not in (None, wanted)]
    if moved:
        first = ", ".join(map(str, moved[:20]))
        cause = f"{len(moved)} of them lie elsewhere than the index says: {first}"
        outcome = "found by their checksums"
        places.note("frames", found.wanted[moved[0]], cause, outcome, lost=False)


class _Index:
    """Offsets and lengths as the file has them, damaged or not."""

    def __init__(self, places: Places, count: int) -> None:
        self.offsets, offsets_fit = self._table(places, "frame_offsets", count)
        self.lengths, lengths_fit = self._table(places, "frame_lengths", count)
        self.is_proven, self.lengths_are_proven = offsets_fit and lengths_fit, lengths_fit
        # Frames end where the file does, or the copy of its header begins.
        copy = places.entries.get(FRONT_COPY)
        size = places.source.size()
        self.ends = (size,) if copy is None else (copy.section.offset, size - copy.section.length)
        # Frames follow each other, and the last section.
        first = max(section.stop for _, section in places.header.sections())
        self.in_a_row = list(accumulate(self.lengths, initial=first))
        self.wanted = [self._place(frame) for frame in range(count)]

    def _table(self, places: Places, name: str, count: int) -> tuple[list[int], bool]:
        section: Section = getattr(places.header, name)
        data = places.section(name)
        proven = data is not None
        if data is None:
            data = made_table(places, name, count)
            proven = data is not None
            outcome = "made again from the frames, and proven by its checksum"
            if data is None:
                data, outcome = places.read(section), "frames were found by their checksums"
            places.note(name, section, "does not match its checksum", outcome, lost=False)
        values = list(unpack_u64(data[: len(data) // 8 * 8]))
        return (values + [0] * count)[:count], proven

    def _place(self, frame: int) -> Section | None:
        place = Section(self.offsets[frame], self.lengths[frame])
        return place if place.offset and place.length else None


def _candidates(places: Places, found: FoundFrames, index: _Index, frame: int) -> Iterator[Section]:
    """Yield where a frame may lie: as the index says, or between its neighbours."""
    wanted = index.wanted[frame]
    if wanted is not None:
        for shift in places.shifts:
            yield Section(wanted.offset + shift, wanted.length)
    if index.is_proven:
        return
    offsets, lengths, last = index.offsets, index.lengths, len(index.offsets) - 1
    starts = {offsets[frame], index.in_a_row[frame]}
    before = found.places[frame - 1] if frame else None
    if before is not None:
        starts.add(before.stop)
    afters = index.ends if frame == last else (offsets[frame + 1],)
    starts |= {after - lengths[frame] for after in afters}
    for start in sorted(starts):
        for length in sorted({lengths[frame], *(after - start for after in afters)}):
            yield Section(start, length)


def _checksums(places: Places, count: int) -> tuple[list[int | None], bool]:
    """Return the checksums of the frames, and whether they are as they were written."""
    data = places.proven(FRAME_CHECKSUMS)
    if data is not None and len(data) == 4 * count:
        return list(unpack_u32(data)), True
    entry = places.entries.get(FRAME_CHECKSUMS)
    # In files of old, the table is the last part before the sections.
    usual = Section(places.header.dicom_status.offset - 4 * count, 4 * count)
    known = entry is not None and (places.sound or entry.section.length == 4 * count)
    place = entry.section if entry is not None and known else usual
    places.note(
        "FCRC",
        place,
        "does not match its checksum",
        "frames are kept that match their own entry",
        lost=False,
    )
    data = places.read(place) if place.length == 4 * count and place.offset >= 0 else b""
    values: list[int | None] = [*unpack_u32(data[: len(data) // 4 * 4])]
    return (values + [None] * count)[:count], False


def _complete(places: Places, found: FoundFrames, index: _Index, table: list[int | None]) -> bool:
    """Put the checksums of the other frames into the table, and see whether that was it."""
    entry = places.entries.get(FRAME_CHECKSUMS)
    if entry is None or entry.section.length != 4 * len(table):
        return False
    taker = _Taker(places, found, 4 * places.source.size())
    # Of each frame that does not match its checksum, one of the two is damaged.
    options: dict[int, dict[int, Section | None]] = {}
    for frame in (n for n, place in enumerate(found.places) if place is None):
        own: dict[int, Section | None] = {}
        for place in _candidates(places, found, index, frame):
            crc = None if place.offset in taker.taken else taker.crc(place)
            if crc is not None:
                own.setdefault(crc, place)
        stored = table[frame]
        options[frame] = own if stored is None else {**own, stored: own.get(stored)}
    crcs = [crc or 0 for crc in table]
    for chosen in islice(product(*options.values()), _TRIES):
        for frame, crc in zip(options, chosen, strict=True):
            crcs[frame] = crc
        if crc32(pack_u32(crcs)) == entry.crc:
            break
    else:
        return False
    table[:] = crcs
    for frame, crc in zip(options, chosen, strict=True):
        found.places[frame], found.crcs[frame] = options[frame][crc], crc
    return True


def _look_everywhere(
    places: Places, found: FoundFrames, index: _Index, table: list[int | None]
) -> None:
    """Look for lost frames in all that is left, and take those that their checksum proves."""
    lengths = index.lengths if index.lengths_are_proven else [0] * len(table)
    lost: dict[tuple[int, int], list[int]] = defaultdict(list)
    for frame in (n for n, place in enumerate(found.places) if place is None):
        crc = table[frame]
        if crc is not None:
            lost[crc, lengths[frame]].append(frame)
    taken = sorted(place for place in found.places if place is not None)
    pairs = zip(found.wanted, found.places, strict=True)
    damaged = {place.offset for place, whole in pairs if place is not None and whole is None}
    for place in scan(places.source, taken, 4 * len(table) + 1000):
        crc = crc32(places.read(place))
        frames = lost.get((crc, place.length if index.lengths_are_proven else 0))
        if frames:
            frame = frames.pop(0)
            found.places[frame], found.crcs[frame] = place, table[frame] or 0
        elif place.offset not in damaged:
            found.unknown.append(place)


def _cause(places: Places, wanted: Section | None, *, proven: bool) -> str:
    size = places.source.size()
    if wanted is not None and wanted.stop > size and proven:
        return f"the file ends at byte {size}, in it or before it"
    if not proven:
        return "neither the frame nor its checksum can be proven"
    return "does not match its checksum"
