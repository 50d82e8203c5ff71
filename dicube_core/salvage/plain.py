"""What can be saved of a file without checksums, as dicube 0.3.0 writes it.

Its header has to be right, for nothing else says where anything is. A frame is kept where its
structure is sound, agrees with the file's description and can be decoded. Damage inside its
packets, and inside metadata that can still be parsed, cannot be noticed by anybody.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import replace
from itertools import accumulate
from typing import TYPE_CHECKING

from dicube_core.checksum import crc32
from dicube_core.container.index import pack_u64, unpack_u64
from dicube_core.container.layout import HEADER_SIZE, SECTION_NAMES, FileHeader, Section
from dicube_core.exceptions import DicomCubeError, InvalidCubeFileError, TruncatedFileError
from dicube_core.reader import Reader
from dicube_core.salvage.content import Content
from dicube_core.salvage.frames import FoundFrames
from dicube_core.salvage.scanning import scan

if TYPE_CHECKING:
    from dicube_core.salvage.places import Places
    from dicube_core.source import ByteSource

__all__ = ["read_plain"]

_DUMMY = b"\0"
_LOST = "nothing could be saved; look for another copy"


class _Patched:
    """A whole file made of what is left of a damaged one: sections in memory, frames there.

    A frame that is lost is one byte, which no decoder takes for a frame.
    """

    def __init__(
        self, source: ByteSource, sections: dict[str, bytes], frames: list[Section | None]
    ) -> None:
        self.name = str(getattr(source, "name", "<source>"))
        self._source = source
        self._frames = frames
        lengths = [1 if place is None else place.length for place in frames]
        first = HEADER_SIZE + sum(map(len, sections.values())) + 16 * len(frames)
        *starts, self._size = accumulate(lengths, initial=first)
        self._starts = starts
        data = {
            **sections,
            "frame_offsets": pack_u64(starts),
            "frame_lengths": pack_u64(lengths),
        }
        named, position = {}, HEADER_SIZE
        for name in SECTION_NAMES:
            named[name] = Section(position, len(data[name]))
            position += len(data[name])
        header = FileHeader(**named, frame_count=len(frames)).pack()
        self._front = header + b"".join(data[name] for name in SECTION_NAMES)

    def size(self) -> int:
        return self._size

    def read_at(self, offset: int, length: int) -> bytes:
        parts = [self._front[offset : offset + length]]
        position, left = offset + len(parts[0]), length - len(parts[0])
        while left > 0 and position < self._size:
            frame = bisect_right(self._starts, position) - 1
            place, within = self._frames[frame], position - self._starts[frame]
            if place is None:
                parts.append(_DUMMY)
            else:
                count = min(left, place.length - within)
                parts.append(self._source.read_at(place.offset + within, count))
            position += len(parts[-1])
            left -= len(parts[-1])
        return b"".join(parts)


def read_plain(places: Places) -> tuple[Content, FoundFrames]:
    """Read what is left of a file without checksums.

    Raises
    ------
    InvalidCubeFileError
        Its pixel header is damaged: what the stored values mean is nowhere else.
    """
    found = _frames(places)
    sections = {
        name: _section(places, name)
        for name in ("dicom_status", "dicom_meta", "space", "pixel_header")
    }
    for name in ("dicom_status", "space", "dicom_meta"):
        _drop_unreadable(places, found, sections, name)
    reader = _open(places, found, sections)
    _find_unknown(places, found)
    return _content(places, reader), found


def _section(places: Places, name: str) -> bytes:
    section: Section = getattr(places.header, name)
    data = places.read(section)
    if len(data) != section.length:
        if name != "pixel_header":
            size = places.source.size()
            cause = f"the file ends at byte {size}, in it or before it"
            places.note(name, section, cause, "left out", lost=name == "dicom_meta")
        return b""
    return data


def _open(places: Places, found: FoundFrames, sections: dict[str, bytes]) -> Reader:
    try:
        reader = Reader(_Patched(places.source, sections, found.places))
        _ = reader.pixel_format
    except DicomCubeError as exc:
        raise InvalidCubeFileError(
            f"{places.name}: what the stored values mean cannot be read: {exc.message}",
            suggestion=_LOST,
            details=exc.details,
        ) from exc
    return reader


def _drop_unreadable(
    places: Places, found: FoundFrames, sections: dict[str, bytes], name: str
) -> None:
    """Leave a section out that cannot be read, or is not of these frames."""
    if not sections[name]:
        return
    others = {"dicom_status": b"", "space": b"", "dicom_meta": b""}
    alone = {**sections, **others, name: sections[name]}
    try:
        reader = Reader(_Patched(places.source, alone, found.places))
        if name == "space":
            _ = reader.geometry
        elif name == "dicom_status":
            _ = reader.dicom_status
        else:
            _made_headers(reader)
    except DicomCubeError as exc:
        outcome = "left out" if name == "dicom_meta" else "made again from the metadata"
        where = getattr(places.header, name)
        places.note(name, where, exc.message, outcome, lost=name == "dicom_meta")
        sections[name] = b""


def _made_headers(reader: Reader) -> tuple[list[object], list[str]]:
    from dicube_core.dicom.legacy import headers_from_meta

    meta = reader.dicom_meta
    if meta is None:
        return [], []
    return list(headers_from_meta(meta, reader.pixel_format)), sorted(meta.untrusted)


def _content(places: Places, reader: Reader) -> Content:
    headers, uncertain = _made_headers(reader)
    pixel_header = replace(reader.pixel_header)
    content = Content(
        reader.pixel_format,
        pixel_header,
        reader.codec_name,
        headers or None,  # type: ignore[arg-type]
        "rebuilt" if headers else "none",
    )
    content.geometry, content.status = reader.geometry, reader.dicom_status.value
    content.follows = any(part.name in ("space", "dicom_status") for part in places.damaged)
    if uncertain:
        content.notes.append(f"values that may stand at other slices: {', '.join(uncertain)}")
    return content


def _frames(places: Places) -> FoundFrames:
    """Return the frames that lie in the file and share no byte with another."""
    count, size = places.header.frame_count, places.source.size()
    tables = []
    for name in ("frame_offsets", "frame_lengths"):
        section: Section = getattr(places.header, name)
        data = places.read(section)
        if len(data) != section.length:
            raise TruncatedFileError(
                f"{places.name}: the file ends at byte {size}, before the end of {name}",
                suggestion=_LOST,
                details={"path": places.name, "section": name, "offset": size},
            )
        tables.append(unpack_u64(data))
    wanted: list[Section | None] = [Section(*pair) for pair in zip(*tables, strict=True)]
    found = FoundFrames(list(wanted), [0] * count, wanted)
    for frame, place in enumerate(wanted):
        if place is None or place.length == 0 or place.offset < HEADER_SIZE or place.stop > size:
            found.places[frame] = None
            found.causes[frame] = f"it does not lie in the file, which ends at byte {size}"
    _drop_overlaps(found)
    _drop_among_sections(places, found)
    for frame, place in enumerate(found.places):
        if place is not None:
            found.crcs[frame] = crc32(places.read(place))
    return found


def _drop_overlaps(found: FoundFrames) -> None:
    spans = sorted((place, n) for n, place in enumerate(found.places) if place is not None)
    overlapping: set[int] = set()
    furthest, owner = 0, -1
    for place, frame in spans:
        if place.offset < furthest:
            overlapping |= {frame, owner}
        if place.stop > furthest:
            furthest, owner = place.stop, frame
    for frame in overlapping:
        found.places[frame] = None
        found.causes[frame] = "the index gives its bytes to another frame, too"


def _drop_among_sections(places: Places, found: FoundFrames) -> None:
    """Drop frames that the index puts into a section."""
    taken = [section for _, section in places.header.sections() if section.length]
    for frame, place in enumerate(found.places):
        if place is not None and any(
            place.offset < section.stop and section.offset < place.stop for section in taken
        ):
            found.places[frame] = None
            found.causes[frame] = "the index puts it into a section of the file"


def _find_unknown(places: Places, found: FoundFrames) -> None:
    if not found.causes:
        return
    sections = [section for _, section in places.header.sections()]
    taken = sorted([*(one for one in found.places if one is not None), *sections])
    most = 4 * len(found.places) + 1000
    found.unknown += scan(places.source, taken, most)
