"""Read a ``.dcbs`` file: every number checked before use, every byte against its checksum."""

from __future__ import annotations

import operator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from dicube_core.checksum import crc32
from dicube_core.container.extension import (
    FRAME_CHECKSUMS,
    FRONT_COPY,
    PIXEL_HEADER_KEY,
    RESOLUTIONS,
    SLICE_HEADERS,
    Directory,
    binding_of,
)
from dicube_core.container.index import FrameIndex, unpack_u32
from dicube_core.container.layout import HEADER_SIZE, FileHeader, Section
from dicube_core.container.read_ahead import ReadAhead, joined
from dicube_core.container.resolutions import Prefix, Resolutions, prefixes_of
from dicube_core.container.sections import decompress, parse_json
from dicube_core.exceptions import (
    ChecksumError,
    DecodeError,
    FrameIndexError,
    InvalidCubeFileError,
    MetaDataError,
)
from dicube_core.lazy import lazy
from dicube_core.settings import get_limits, how_to_raise
from dicube_core.source import requests_of

if TYPE_CHECKING:
    from array import array
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from dicube_core.source import ByteSource

__all__ = ["Container"]

_FRONT = 1 << 16
#: Bytes of sections that are kept of a file in a store where a request takes long.
_MOST_KEPT = 64 << 20
#: A number of bytes per frame that the tables of a few numbers per frame may have.
_PER_FRAME = 48
#: What could hide a tag in JSON from a search for its digits: they are escaped, or in UTF-16 or 32.
_HIDES_DIGITS = (b"\\u003", b"\\u004", b"\0")


class Container:
    """The parts of one file, as bytes and JSON; no pixel is decoded here.

    Opening reads the header, the extension directory, the pixel header and the frame index,
    usually in a single read. Of a file in a store where a request takes long it reads all that
    is no frame, in two requests at most, and keeps it. Safe for several threads.

    Parameters
    ----------
    source : ByteSource
        Where the bytes are.

    Attributes
    ----------
    header : FileHeader
        Places of the sections.
    frame_count : int
        Number of frames.
    pixel_header : dict
        The pixel header's JSON without the key of the extension.
    description : dict
        What our writer says of the frames; empty for files of other writers.
    extension : str
        ``"valid"``, ``"none"`` or ``"stale"`` (the file was saved again by a writer that keeps
        the key but drops the block; such a block is ignored).

    Raises
    ------
    InvalidCubeFileError
        The file is not valid; the message names section and byte offset.
    """

    def __init__(self, source: ByteSource) -> None:
        self.source = source
        self.name = str(getattr(source, "name", "<source>"))
        self.file_size = source.size()
        self._requests = requests_of(source)
        front = _FRONT if self._requests is None else self._requests.front_bytes
        self._front = source.read_at(0, min(self.file_size, front))
        #: Other parts of the file that are kept, by their places.
        self._kept: list[tuple[int, bytes]] = []
        #: Frames that are read before they are asked for.
        self._ahead: list[ReadAhead] = []
        self.header = FileHeader.parse(self._front, self.file_size, self.name)
        self.frame_count = self.header.frame_count
        self._check_limits()
        self._directory = Directory.parse(self._front, self.file_size, self.name)
        if self._directory is not None:
            self._directory.check_file(self._front, self.file_size, self.name)
            self._check_places(self._directory)
        if self._requests is not None:
            self._keep_the_rest()
        self.pixel_header = self._read_pixel_header()
        self.description = self._pop_description()
        self.index = FrameIndex.parse(
            self.section("frame_offsets"), self.section("frame_lengths"), self.file_size, self.name
        )
        self._crcs = self._read_frame_checksums()
        # What stands before the frames is worth keeping for the metadata sections.
        self._front = self._front[: self.index.offsets[0]]

    @property
    def validated(self) -> bool:
        """Whether every byte read is compared with a checksum stored in the file."""
        return self._directory is not None

    @property
    def frame_checksums(self) -> Sequence[int] | None:
        """CRC-32 of each codestream, None where the file has none."""
        return self._crcs

    def _check_limits(self) -> None:
        """Refuse no frames, and more or larger sections than the limits allow, before all else."""
        limits = get_limits()
        if not self.header.frame_count:
            raise InvalidCubeFileError(
                f"{self.name}: the file has no frames (header byte 108)",
                details={"path": self.name, "offset": 108},
            )
        if self.header.frame_count > limits.frame_count:
            raise InvalidCubeFileError(
                f"{self.name}: {self.header.frame_count} frames (header byte 108), the limit "
                f"frame_count is {limits.frame_count}",
                suggestion=how_to_raise("frame_count"),
                details={"path": self.name, "offset": 108},
            )
        for name in ("dicom_status", "dicom_meta", "space", "pixel_header"):
            self._check_size(getattr(self.header, name), f"section {name}")

    def _check_size(self, section: Section, what: str, allowed: int = 0) -> None:
        limit = get_limits().metadata_bytes
        if section.length > max(limit, allowed):
            raise InvalidCubeFileError(
                f"{self.name}: {what} at byte {section.offset} has {section.length} bytes, the "
                f"limit metadata_bytes is {limit}",
                suggestion=how_to_raise("metadata_bytes"),
                details={"path": self.name, "section": what, "offset": section.offset},
            )

    def _check_places(self, directory: Directory) -> None:
        """Refuse a directory that means other sections than the header."""
        for name, section in self.header.sections():
            entry = directory.entry(name)
            if entry is None or entry.section != section:
                raise InvalidCubeFileError(
                    f"{self.name}: extension block and header disagree on section {name}",
                    details={"path": self.name, "section": name, "offset": HEADER_SIZE},
                )
        if directory.frame_count != self.header.frame_count:
            raise InvalidCubeFileError(
                f"{self.name}: extension block and header disagree on the number of frames"
            )

    def _read_pixel_header(self) -> dict[str, Any]:
        section = self.header.pixel_header
        if not section.length:
            raise InvalidCubeFileError(f"{self.name}: it has no pixel header")
        data = self.section("pixel_header")
        return parse_json(data, f"{self.name}: pixel header at byte {section.offset}")

    def _pop_description(self) -> dict[str, Any]:
        """Take our key out of the pixel header and settle what it means."""
        binding = binding_of(self.pixel_header)
        key = self.pixel_header.pop(PIXEL_HEADER_KEY, None)
        self.extension = "valid" if self._directory is not None else "none"
        if self._directory is None and binding is not None:
            if binding == crc32(self._front[:HEADER_SIZE]) or not self._follows_without_gap():
                raise ChecksumError(
                    f"{self.name}: the extension block at byte {HEADER_SIZE} is damaged",
                    suggestion="restore the file from its source",
                    details={"path": self.name, "section": "extension", "offset": HEADER_SIZE},
                )
            # The header is another one than the key was written for: saved again by others.
            self.extension = "stale"
            return {}
        if self._directory is not None and binding != self._directory.header_crc:
            raise InvalidCubeFileError(
                f"{self.name}: the pixel header at byte {self.header.pixel_header.offset} is not "
                "the one that the extension block was written for",
                details={"path": self.name, "section": "pixel_header"},
            )
        return key if isinstance(key, dict) else {}

    def _follows_without_gap(self) -> bool:
        """Tell whether the sections begin behind the header, as in files without extension.

        A writer that drops the extension block leaves no room for it. Where there is room, the
        block is there, and its beginning is damaged together with the header.
        """
        position = HEADER_SIZE
        for section in sorted(place for _, place in self.header.sections() if place.length):
            if section.offset != position:
                return False
            position = section.stop
        return True

    def _read_frame_checksums(self) -> array[int] | None:
        data = self.part(FRAME_CHECKSUMS)
        if data is None:
            if self._directory is not None:
                raise InvalidCubeFileError(f"{self.name}: the frame checksums are missing")
            return None
        if len(data) != 4 * self.frame_count:
            raise InvalidCubeFileError(
                f"{self.name}: {len(data)} bytes of checksums for {self.frame_count} frames"
            )
        return unpack_u32(data)

    def _keep_the_rest(self) -> None:
        """Read what is no frame and not in the first request, so that nobody has to ask again."""
        assert self._requests is not None  # noqa: S101 - for the type checker
        places = [section for _, section in self.header.sections()]
        entries = {} if self._directory is None else self._directory.entries
        places += [entry.section for tag, entry in entries.items() if tag != FRONT_COPY]
        left = min(_MOST_KEPT, get_limits().metadata_bytes)
        missing = []
        for place in sorted({p for p in places if p.stop > len(self._front)}):
            left -= place.length
            if place.length and left >= 0:  # else it is refused, or read, when it is asked for
                missing.append(place)
        for start, stop in joined(missing, replace(self._requests, joined_bytes=_MOST_KEPT)):
            begin = max(start, len(self._front))
            data = self.source.read_at(begin, stop - begin)
            if begin == len(self._front):
                self._front += data
            else:
                self._kept.append((begin, data))

    def _read(self, section: Section) -> bytes:
        if section.stop <= len(self._front):
            return self._front[section.offset : section.stop]
        for start, data in self._kept:
            if start <= section.offset and section.stop <= start + len(data):
                return data[section.offset - start : section.stop - start]
        return self.source.read_at(section.offset, section.length)

    def section(self, name: str) -> bytes:
        """Return a base section as stored, compared with its checksum where there is one.

        Raises
        ------
        ChecksumError
            It does not match.
        """
        section: Section = getattr(self.header, name)
        data = self._read(section) if section.length else b""
        entry = self._directory.entry(name) if self._directory is not None else None
        if entry is not None:
            self._check(data, entry.crc, f"section {name}", section.offset)
        return data

    def part(self, tag: bytes) -> bytes | None:
        """Return a part of the extension block, None where the file has none.

        Raises
        ------
        ChecksumError
            It does not match its checksum.
        """
        entry = self._directory.entries.get(tag) if self._directory is not None else None
        if entry is None:
            return None
        what = f"extension part {tag.decode('latin-1')}"
        # Tables with a few numbers per frame are as long as there are frames.
        self._check_size(entry.section, what, _PER_FRAME * (self.frame_count + 1))
        data = self._read(entry.section)
        self._check(data, entry.crc, what, entry.section.offset)
        return data

    def has_part(self, tag: bytes) -> bool:
        """Whether the extension block lists a part, whatever it holds."""
        return self._directory is not None and tag in self._directory.entries

    def check_all(self) -> None:
        """Read every part of the file and every frame, and compare each with its checksum.

        Raises
        ------
        ChecksumError, TruncatedFileError
            One is damaged.
        """
        self.check_parts()
        with self.reading_ahead(range(self.frame_count)):
            for frame in range(self.frame_count):
                self.codestream(frame)

    def check_parts(self) -> None:
        """Do so for everything but the frames; also for parts that nothing here reads."""
        sections = [name for name, _ in self.header.sections()]
        for name in sections:
            self.section(name)
        entries = set() if self._directory is None else set(self._directory.entries)
        for tag in sorted(entries - {Directory.base_tag(name) for name in sections}):
            self.part(tag)

    def _check(self, data: bytes, expected: int, what: str, offset: int) -> None:
        if crc32(data) != expected:
            raise ChecksumError(
                f"{self.name}: {what} at byte {offset} ({len(data)} bytes) does not match its "
                "checksum",
                suggestion="the file is damaged; restore it from its source",
                details={"path": self.name, "section": what, "offset": offset},
            )

    def metadata(self) -> dict[str, Any] | None:
        """Return the dicom_meta section's JSON object, None where it is empty.

        Raises
        ------
        InvalidCubeFileError, MetaDataError
            It cannot be decompressed or parsed.
        """
        loader = self.metadata_loader()
        return None if loader is None else loader()

    def metadata_loader(self) -> Callable[[], dict[str, Any]] | None:
        """Return what `metadata` would, as a function that holds the bytes and not the file."""
        data = self.section("dicom_meta")
        if not data:
            return None
        what = self._metadata_place()
        return lambda: parse_json(decompress(data, what), what, finite=False)

    def may_have(self, tag: int) -> bool:
        """Tell whether the metadata could have a tag, at any level. False is certain.

        Nothing is parsed for it, which takes far longer for a long series.
        """
        data = self.section("dicom_meta")
        if not data:
            return self.has_part(SLICE_HEADERS)  # which metadata is made of then
        text = decompress(data, self._metadata_place())
        return any(mark in text for mark in (f"{tag:08X}".encode(), *_HIDES_DIGITS))

    def _metadata_place(self) -> str:
        return f"{self.name}: dicom_meta at byte {self.header.dicom_meta.offset}"

    def space(self) -> dict[str, Any] | None:
        """Return the space section's JSON object, None where it is empty."""
        data = self.section("space")
        if not data:
            return None
        return parse_json(data, f"{self.name}: space at byte {self.header.space.offset}")

    def dicom_status(self) -> str:
        """Return the status text; empty text means consistent."""
        data = self.section("dicom_status")
        try:
            return data.decode("ascii") or "consistent"
        except UnicodeDecodeError:
            raise MetaDataError(
                f"{self.name}: dicom_status at byte {self.header.dicom_status.offset} is not text"
            ) from None

    def frame_number(self, index: int) -> int:
        """Turn an index, negative from the end, into a frame position.

        Raises
        ------
        FrameIndexError
            Out of range.
        TypeError
            Not an integer.
        """
        position, count = operator.index(index), self.frame_count
        if position < 0:
            position += count
        if not 0 <= position < count:
            raise FrameIndexError(
                f"{self.name}: frame {index} is out of range, the file has {count}",
                details={"path": self.name, "frame": index},
            )
        return position

    def codestream(self, index: int) -> bytes:
        """Return the bytes of one frame, compared with its checksum where there is one.

        Raises
        ------
        FrameIndexError
            Out of range.
        ChecksumError, DecodeError
            The bytes are not those that were written.
        """
        number = self.frame_number(index)
        offset = self.index.offsets[number]
        length = self.index.lengths[number]
        data = self._frame(offset, length) if self._ahead else self.source.read_at(offset, length)
        if self._crcs is not None and crc32(data) != self._crcs[number]:
            raise self._damaged(number, data)
        return data

    def _damaged(self, number: int, data: bytes, what: str = "") -> DamagedFrameError:
        offset = self.index.offsets[number]
        return DamagedFrameError(
            f"{self.name}: {what}frame {number} at byte {offset} ({len(data)} bytes) does not "
            "match its checksum",
            suggestion="the frame is damaged, others may be whole; restore the file",
            details={"path": self.name, "frame": number, "offset": offset},
        )

    def _frame(self, offset: int, length: int) -> bytes:
        """Read a frame, or the beginning of one, that may have been read already."""
        for ahead in tuple(self._ahead):
            data = ahead.take(Section(offset, length))
            if data is not None:
                return data
        return self.source.read_at(offset, length)

    @lazy
    def resolutions(self) -> Resolutions | None:
        """How much of each frame a lower resolution needs, None where the file does not say.

        Raises
        ------
        InvalidCubeFileError
            The table cannot be.
        """
        data = self.part(RESOLUTIONS)
        if data is None:
            return None
        return Resolutions(data, self.index.lengths, f"{self.name}: extension part RESL")

    def prefix(self, index: int, level: int) -> bytes | None:
        """Return as much of a frame as a resolution needs, compared with its own checksum.

        Parameters
        ----------
        index : int
            As in `codestream`.
        level : int
            How often the resolution is halved.

        Returns
        -------
        bytes or None
            None where the file does not say how much that is.

        Raises
        ------
        FrameIndexError, ChecksumError, DecodeError
            As `codestream`.
        InvalidCubeFileError
            The table cannot be.
        """
        number = self.frame_number(index)
        known = None if self.resolutions is None else self.resolutions.prefix(number, level)
        if known is None:
            return None
        data = self._frame(self.index.offsets[number], known.length)
        if crc32(data) != known.crc:
            raise self._damaged(number, data, f"resolution {level} of ")
        return data

    def prefixes(self, index: int, codestream: bytes) -> list[Prefix]:
        """Return the known prefixes of a frame, compared with its codestream.

        Raises
        ------
        InvalidCubeFileError
            They are not what it begins with.
        """
        number = self.frame_number(index)
        if self.resolutions is None:
            return []
        row = [prefix for prefix in self.resolutions.row(number) if prefix.length]
        if row != prefixes_of(codestream, [prefix.length for prefix in row], len(row)):
            raise InvalidCubeFileError(
                f"{self.name}: extension part RESL has checksums that are not those of frame "
                f"{number}",
                suggestion="the file is damaged or was tampered with; restore it from its source",
                details={"path": self.name, "frame": number},
            )
        return row

    @contextmanager
    def reading_ahead(self, frames: Sequence[int], level: int = 0) -> Iterator[None]:
        """Read frames before they are asked for, in few requests and several at once.

        Does nothing for files that are no further away than a disk.

        Parameters
        ----------
        frames : sequence of int
            Those that will be asked for, by their numbers, in this order.
        level : int
            How often their resolution will be halved.
        """
        if self._requests is None or len(frames) < 2:
            yield
            return
        places = self._places_of(frames, level)
        with ReadAhead(self.source.read_at, places, self._requests) as ahead:
            self._ahead.append(ahead)
            try:
                yield
            finally:
                with suppress(ValueError):  # in a process made by fork meanwhile
                    self._ahead.remove(ahead)

    def _places_of(self, frames: Sequence[int], level: int) -> Iterable[Section]:
        table = self.resolutions if level else None
        for number in frames:
            known = None if table is None else table.prefix(number, level)
            length = self.index.lengths[number] if known is None else known.length
            yield Section(self.index.offsets[number], length)


class DamagedFrameError(ChecksumError, DecodeError):
    """A codestream does not match its checksum."""
