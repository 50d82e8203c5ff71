"""Where the parts of a damaged file lie, and which of them are as they were written.

The strict reader stops at the first number that is wrong. Here nothing is believed that no
checksum proves, and each of the three descriptions that a file has of itself (header, directory,
key in the pixel header) is used to make a damaged one again, which its own checksum then proves.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import product
from typing import TYPE_CHECKING

from dicube_core.checksum import crc32
from dicube_core.container.extension import Directory, Entry, read_loosely
from dicube_core.container.layout import HEADER_SIZE, MAGIC, SECTION_NAMES, FileHeader, Section
from dicube_core.exceptions import InvalidCubeFileError, UnsupportedVersionError
from dicube_core.repair_record import DamagedPart
from dicube_core.salvage.directory import made_again
from dicube_core.salvage.fronts import directory_in, needed_copy, shifts_of
from dicube_core.salvage.reading import more_shifts, proven_part, read_part

if TYPE_CHECKING:
    from dicube_core.container.extension import LooseDirectory
    from dicube_core.container.front_copy import FrontCopy
    from dicube_core.source import ByteSource

__all__ = ["Places", "find_places"]

_FRONT = 1 << 16
_BINDING = re.compile(rb'"header_crc32":\s*(\d{1,10})')
#: So many tags in their places show that there was a directory.
_TRACES = 3


@dataclass(slots=True)
class Places:
    """What is known of a file beside its frames.

    Parameters
    ----------
    source : ByteSource
        The damaged file.
    name : str
        Its name.
    header : FileHeader
        As it was written, by proof of a checksum; of a file without checksums as it is.
    entries : dict
        Tag to entry, of the directory.
    sound : bool
        Whether `entries` are as they were written, and all of them. Else each of them is right
        only if its part matches it.
    checked : bool
        Whether the file was written with checksums.
    shifts : tuple of int
        By how many bytes parts may have moved.
    spare : bytes
        The copy of the pixel header at the end of the file; empty without.
    damaged : list of DamagedPart
        What was found so far.
    """

    source: ByteSource
    name: str
    header: FileHeader
    entries: dict[bytes, Entry]
    sound: bool
    checked: bool
    shifts: tuple[int, ...] = (0,)
    spare: bytes = b""
    damaged: list[DamagedPart] = field(default_factory=list)

    def read(self, section: Section) -> bytes:
        """Return as much of a part as the file has."""
        return read_part(self.source, section)

    def proven(self, tag: bytes) -> bytes | None:
        """Return a part that matches its checksum; None where none does."""
        entry = self.entries.get(tag)
        return None if entry is None else proven_part(self.source, entry, self.shifts)

    def section(self, name: str) -> bytes | None:
        """Return a base section that matches its checksum, None where it does not."""
        place: Section = getattr(self.header, name)
        entry = self.entries.get(Directory.base_tag(name))
        if entry is None or (not self.sound and entry.section.length != place.length):
            return None
        return proven_part(self.source, Entry(place, entry.crc), self.shifts)

    def pixel_header(self) -> bytes | None:
        """Return the pixel header, or its copy, where one of them matches its checksum."""
        data = self.section("pixel_header")
        entry = self.entries.get(Directory.base_tag("pixel_header"))
        if data is not None or entry is None or not self.spare:
            return data
        if len(self.spare) != entry.section.length or crc32(self.spare) != entry.crc:
            return None
        self.note(
            "pixel_header",
            self.header.pixel_header,
            "does not match its checksum",
            "taken from the copy at the end of the file",
            lost=False,
        )
        return self.spare

    def note(
        self, name: str, place: Section | None, cause: str, outcome: str, *, lost: bool
    ) -> None:
        """Take note of a damaged part."""
        offset, length = (-1, -1) if place is None else place
        self.damaged.append(DamagedPart(name, offset, length, cause, outcome, lost))


def find_places(source: ByteSource, name: str) -> Places:
    """Find out how a damaged file is laid out.

    Raises
    ------
    InvalidCubeFileError
        Nothing proves where its parts are, so nothing can be saved.
    UnsupportedVersionError
        It is not damaged but of a later version.
    """
    size = source.size()
    front = source.read_at(0, min(size, _FRONT))
    loose, moved = directory_in(front)
    copy, believed = needed_copy(source, front, loose, moved)
    told = front
    if copy is not None and believed:
        loose, moved, told = read_loosely(copy.front), copy.shift, copy.front
    traces = 0 if loose is None else len(loose.known())
    if loose is None or not (loose.sound or traces >= _TRACES or _is_bound(source, told)):
        return _without_checksums(source, front, name)
    loose.refuse_unknown(name)
    shifts = shifts_of(loose, size, moved)
    header = _header(source, told, loose)
    if header is None:
        raise InvalidCubeFileError(
            f"{name}: header (bytes 0 to {HEADER_SIZE}) and extension block (from byte "
            f"{HEADER_SIZE}) are both damaged, so nothing proves which bytes are what",
            suggestion="nothing could be saved; look for another copy",
            details={"path": name, "offset": 0},
        )
    entries, sound = loose.known(), loose.sound
    if not sound:
        again = made_again(loose, header, size, lambda part: read_part(source, part))
        if again is not None:
            entries, sound = again.entries, True
    shifts = more_shifts(source, entries, shifts)
    places = Places(source, name, header, entries, sound, True, shifts)
    if copy is not None and copy.front[:HEADER_SIZE] == header.pack():
        places.spare = copy.pixel_header
    _note_front(places, front, loose, moved, copy if believed else None)
    _require_plausible(places, size)
    return places


def _is_bound(source: ByteSource, front: bytes) -> bool:
    """Whether the pixel header says that this header had an extension block."""
    if len(front) < HEADER_SIZE:
        return False
    place = FileHeader.unpack(front).pixel_header
    return crc32(front[:HEADER_SIZE]) in _bindings(read_part(source, place))


def _bindings(pixel_header: bytes) -> set[int]:
    return {int(number) for number in _BINDING.findall(pixel_header[-1024:])}


def _header(source: ByteSource, front: bytes, loose: LooseDirectory) -> FileHeader | None:
    """Return the header as it was written: each number as the file or its directory has it."""
    known = loose.known()
    stored = FileHeader.unpack(front) if len(front) >= HEADER_SIZE else None
    choices: list[list[Section]] = []
    for section_name in SECTION_NAMES:
        entry = known.get(Directory.base_tag(section_name))
        found = [] if stored is None else [getattr(stored, section_name)]
        if entry is not None:
            found.append(entry.section)
        choices.append(list(dict.fromkeys(found)))
    counts = [loose.frame_count] if stored is None else [stored.frame_count, loose.frame_count]
    counts += [place.length // 8 for place in choices[-1]]
    wanted = {loose.header_crc}
    if not loose.sound:
        for place in choices[SECTION_NAMES.index("pixel_header")]:
            wanted |= _bindings(read_part(source, place))
    for places in product(*choices):
        for count in dict.fromkeys(counts):
            named = dict(zip(SECTION_NAMES, places, strict=True))
            header = FileHeader(**named, frame_count=count)
            if crc32(header.pack()) in wanted:
                return header
    return None


def _note_front(
    places: Places,
    front: bytes,
    loose: LooseDirectory,
    begin: int,
    copy: FrontCopy | None,
) -> None:
    size = places.source.size()
    moved = places.shifts[1:]
    whole = b"" if copy is None else copy.front
    if front[:HEADER_SIZE] != places.header.pack():
        places.note(
            "header",
            Section(0, HEADER_SIZE),
            "does not match its checksum",
            "made again from the extension block, and proven by its checksum"
            if copy is None
            else "taken from the copy at the end of the file",
            lost=False,
        )
    if whole and front[HEADER_SIZE : len(whole)] != whole[HEADER_SIZE:]:
        where = Section(HEADER_SIZE, len(whole) - HEADER_SIZE)
        outcome = "taken from the copy at the end of the file"
        places.note("extension", where, "does not match its checksum", outcome, lost=False)
    if not loose.sound:
        outcome = (
            "made again from the rest, and proven by its checksum"
            if places.sound
            else "only those of its entries are used that match their parts"
        )
        where = Section(HEADER_SIZE, -1)
        places.note("extension", where, "does not match its checksum", outcome, lost=False)
    if loose.sound and size != loose.file_length:
        cause = f"it has {size} bytes, it was written with {loose.file_length}"
        outcome = "parts were looked for in both places" if moved else "nothing"
        if begin > 0:
            cause += f", and begins at byte {begin} now"
            outcome = f"the first {begin} bytes were left out, parts were looked for behind them"
        where = Section(min(size, loose.file_length), abs(size - loose.file_length))
        places.note("file", where, cause, outcome, lost=False)


def _require_plausible(places: Places, size: int) -> None:
    header, count = places.header, places.header.frame_count
    tables = header.frame_offsets.length, header.frame_lengths.length
    if tables != (8 * count, 8 * count) or 16 * count > 16 * size:
        raise InvalidCubeFileError(
            f"{places.name}: tables of {tables[0]} and {tables[1]} bytes cannot be of {count} "
            f"frames in a file of {size} bytes",
            suggestion="nothing could be saved; look for another copy",
            details={"path": places.name, "offset": 108},
        )


def _without_checksums(source: ByteSource, front: bytes, name: str) -> Places:
    """Lay out a file of another writer: there is but its header, which has to be right."""
    size = source.size()
    try:
        # Frames, and sections behind them, may be cut off.
        header = FileHeader.parse(front, 1 << 64, name)
    except UnsupportedVersionError:
        raise
    except InvalidCubeFileError as exc:
        hint = "nothing could be saved; look for another copy"
        raise InvalidCubeFileError(exc.message, suggestion=hint, details=exc.details) from exc
    places = Places(source, name, header, {}, sound=False, checked=False)
    if front[: len(MAGIC)] == MAGIC:
        _require_plausible(places, size)
    return places
