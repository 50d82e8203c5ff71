"""The parts of a file that are no frames: every number checked, every byte against its checksum."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dicube_core.checksum import crc32
from dicube_core.container.extension import (
    FRAME_CHECKSUMS,
    FRONT_COPY,
    PIXEL_HEADER_KEY,
    Directory,
    binding_of,
)
from dicube_core.container.front import Front
from dicube_core.container.index import FrameIndex, unpack_u32
from dicube_core.container.layout import HEADER_SIZE, FileHeader, Section
from dicube_core.container.sections import parse_json
from dicube_core.exceptions import ChecksumError, InvalidCubeFileError
from dicube_core.lazy import lazy
from dicube_core.settings import get_limits, how_to_raise

if TYPE_CHECKING:
    from array import array
    from collections.abc import Sequence

    from dicube_core.source import ByteSource

__all__ = ["FileParts"]

#: Bytes per frame that the tables of a few numbers per frame may have.
_PER_FRAME = 48


class FileParts:
    """Header, directory, sections and index of one file; see `Container`."""

    def __init__(self, source: ByteSource) -> None:
        self.source = source
        self.name = str(getattr(source, "name", "<source>"))
        self.file_size = source.size()
        self._front = front = Front(source, self.file_size)
        self.header = FileHeader.parse(front.data, self.file_size, self.name)
        self.frame_count = self.header.frame_count
        self._check_limits()
        self._directory = Directory.parse(front.data, self.file_size, self.name)
        if self._directory is not None:
            self._directory.check_file(front.data, self.file_size, self.name)
            self._check_places(self._directory)
        if front.requests is not None:
            front.keep(self._places())
        self.pixel_header = self._read_pixel_header()
        self.description = self._pop_description()
        self.index = FrameIndex.parse(
            self.section("frame_offsets"), self.section("frame_lengths"), self.file_size, self.name
        )
        self._crcs = self._read_frame_checksums()
        # What stands before the frames is worth keeping for the metadata sections.
        front.data = front.data[: self.index.offsets[0]]

    @property
    def validated(self) -> bool:
        """Whether every byte read is compared with a checksum stored in the file."""
        return self._directory is not None

    @property
    def frame_checksums(self) -> Sequence[int] | None:
        """CRC-32 of each codestream, None where the file has none."""
        return self._crcs

    @lazy
    def mark(self) -> tuple[int, ...]:
        """What another file does not have: the size, and the checksums of header and all parts.

        Those of the frames are a part of their own, where the file has any. Nothing is read then.
        """
        directory = self._directory
        if directory is not None:
            crcs = (entry.crc for entry in directory.entries.values())
            return (self.file_size, directory.header_crc, *crcs)
        return (self.file_size, *(crc32(self.section(name)) for name, _ in self.header.sections()))

    def _places(self) -> list[Section]:
        """Return where everything is but the frames, and what is for their repair."""
        places = [section for _, section in self.header.sections()]
        entries = {} if self._directory is None else self._directory.entries
        return places + [e.section for tag, e in entries.items() if tag != FRONT_COPY]

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
            if binding == crc32(self._front.data[:HEADER_SIZE]) or not self._follows_without_gap():
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

    def section(self, name: str) -> bytes:
        """Return a base section as stored, compared with its checksum where there is one.

        Raises
        ------
        ChecksumError
            It does not match.
        """
        section: Section = getattr(self.header, name)
        data = self._front.read(section) if section.length else b""
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
        data = self._front.read(entry.section)
        self._check(data, entry.crc, what, entry.section.offset)
        return data

    def has_part(self, tag: bytes) -> bool:
        """Whether the extension block lists a part, whatever it holds."""
        return self._directory is not None and tag in self._directory.entries

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
