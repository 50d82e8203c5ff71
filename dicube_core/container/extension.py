"""The extension block: checksums and original headers, invisible to older readers.

The block stands between the 116-byte header and the first section, where no offset of the header
points, so that readers of the base format pass over it. A key in the pixel header names it and
binds it to this file (``docs/format.md``, part 2).
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from struct import Struct
from typing import Any, NamedTuple

from dicube_core.container.layout import HEADER_SIZE, Section
from dicube_core.exceptions import (
    ChecksumError,
    InvalidCubeFileError,
    TruncatedFileError,
    UnsupportedVersionError,
)

__all__ = [
    "CRITICAL",
    "CRITICAL_PARTS",
    "EXTENSION_MAGIC",
    "FRAME_CHECKSUMS",
    "FRAME_MAP",
    "FRONT_COPY",
    "KEPT_ENCODING",
    "LOST_HEADERS",
    "PIXEL_HEADER_KEY",
    "REPAIR_RECORD",
    "RESOLUTIONS",
    "SLICE_HEADERS",
    "SOURCE_HEADER",
    "WRITER",
    "Directory",
    "Entry",
    "LooseDirectory",
    "directory_size",
    "read_loosely",
]

#: Not text, and damaged by every newline conversion, like the signature of PNG.
EXTENSION_MAGIC = b"\x89DCBX\r\n\x1a"
_VERSION = 1
PIXEL_HEADER_KEY = "DicubeCore"

#: magic, version, entries, file length, frame count, CRC of the file header, CRC of the block
_HEAD = Struct("<8sIIQQII")
_ENTRY = Struct("<4sIQQII")

FRAME_CHECKSUMS = b"FCRC"
#: Where each resolution ends in the codestreams, with checksums of what is before.
RESOLUTIONS = b"RESL"
#: Which frame of which instance each frame is; where it stands, headers are one per instance.
FRAME_MAP = b"FRAM"
#: How compressed instances were put together whose frames are kept as they were.
KEPT_ENCODING = b"ENCP"
SLICE_HEADERS = b"HDRS"
SOURCE_HEADER = b"SRCH"
WRITER = b"WRTR"
#: What was lost when a damaged file was repaired, and the headers of the slices that were lost.
REPAIR_RECORD = b"REPR"
LOST_HEADERS = b"RHDR"
#: Copy of header, directory and pixel header, at the end of the file.
FRONT_COPY = b"COPY"

#: A reader that does not know an entry with this flag must not read the file.
CRITICAL = 1
#: What is written with that flag.
CRITICAL_PARTS = frozenset((FRAME_MAP,))
_KNOWN = frozenset(
    (
        *(FRAME_CHECKSUMS, FRAME_MAP, FRONT_COPY, KEPT_ENCODING, LOST_HEADERS),
        *(REPAIR_RECORD, RESOLUTIONS, SLICE_HEADERS, SOURCE_HEADER, WRITER),
    )
)
_BASE = {
    "dicom_status": b"stat",
    "dicom_meta": b"meta",
    "space": b"spac",
    "pixel_header": b"pixh",
    "frame_offsets": b"offs",
    "frame_lengths": b"lens",
}


class Entry(NamedTuple):
    """One checked part of the file."""

    section: Section
    crc: int
    flags: int = 0


def directory_size(n_entries: int) -> int:
    """Bytes of a directory with `n_entries` entries."""
    return _HEAD.size + n_entries * _ENTRY.size


@dataclass(frozen=True, slots=True)
class Directory:
    """What the extension block says of the file.

    Parameters
    ----------
    entries : dict
        Four-byte tag to place and checksum, for the block's own parts and the six sections.
    file_length : int
        Size of the whole file.
    frame_count : int
        As in the header.
    header_crc : int
        CRC-32 of the 116 header bytes.
    """

    entries: dict[bytes, Entry]
    file_length: int
    frame_count: int
    header_crc: int

    def pack(self) -> bytes:
        """Return the directory; its own CRC covers everything but itself."""
        body = b"".join(
            _ENTRY.pack(tag, entry.flags, entry.section.offset, entry.section.length, entry.crc, 0)
            for tag, entry in self.entries.items()
        )
        numbers = (self.file_length, self.frame_count, self.header_crc)
        head = _HEAD.pack(EXTENSION_MAGIC, _VERSION, len(self.entries), *numbers, 0)[:-4]
        crc = zlib.crc32(body, zlib.crc32(head))
        return head + crc.to_bytes(4, "little") + body

    @classmethod
    def parse(cls, front: bytes, file_size: int, name: str) -> Directory | None:
        """Read the directory from the first bytes of a file; None where there is none.

        Raises
        ------
        InvalidCubeFileError
            It is there, but damaged, cut, or of an unknown version.
        """
        data = front[HEADER_SIZE:]
        if data[:8] != EXTENSION_MAGIC:
            return None
        where = f"{name}: extension block at byte {HEADER_SIZE}"
        if len(data) < _HEAD.size:
            raise TruncatedFileError(f"{where} is cut", details={"path": name})
        _, version, n_entries, file_length, frames, header_crc, crc = _HEAD.unpack_from(data)
        size = directory_size(n_entries)
        if size > len(data):
            raise TruncatedFileError(
                f"{where} says {n_entries} entries, more than there is room for",
                details={"path": name, "offset": HEADER_SIZE + 12},
            )
        body = data[_HEAD.size : size]
        if zlib.crc32(body, zlib.crc32(data[: _HEAD.size - 4])) != crc:
            raise ChecksumError(
                f"{where}: its checksum does not match; the file is damaged",
                details={"path": name, "section": "extension", "offset": HEADER_SIZE},
            )
        if version != _VERSION:
            raise UnsupportedVersionError(
                f"{where} has version {version}, this package reads {_VERSION}",
                suggestion="upgrade dicube-plugins",
                details={"path": name, "offset": HEADER_SIZE + 8},
            )
        entries = _parse_entries(body, file_size, where, name)
        return cls(entries, file_length, frames, header_crc)

    def check_file(self, front: bytes, file_size: int, name: str) -> None:
        """Check the size of the file and the CRC of its header.

        Raises
        ------
        InvalidCubeFileError
            Cut, with bytes appended, or with a damaged header.
        """
        if file_size != self.file_length:
            raise TruncatedFileError(
                f"{name}: the file has {file_size} bytes, it was written with {self.file_length}",
                suggestion="it is cut, or something was appended; restore it from its source",
                details={"path": name, "offset": min(file_size, self.file_length)},
            )
        if zlib.crc32(front[:HEADER_SIZE]) != self.header_crc:
            raise ChecksumError(
                f"{name}: the header (bytes 0 to {HEADER_SIZE}) does not match its checksum",
                suggestion="the file is damaged; restore it from its source",
                details={"path": name, "section": "header", "offset": 0},
            )

    def entry(self, name: str) -> Entry | None:
        """Return the entry of a base section."""
        return self.entries.get(_BASE[name])

    @staticmethod
    def base_tag(name: str) -> bytes:
        """Return the tag under which a base section is listed."""
        return _BASE[name]


def _parse_entries(body: bytes, file_size: int, where: str, name: str) -> dict[bytes, Entry]:
    entries: dict[bytes, Entry] = {}
    for tag, flags, offset, length, crc, _ in _ENTRY.iter_unpack(body):
        if length and (offset < HEADER_SIZE or offset + length > file_size):
            raise TruncatedFileError(
                f"{where}: part {tag!r} spans bytes {offset} to {offset + length}, outside of "
                f"{HEADER_SIZE} to {file_size}",
                suggestion="the file is cut or damaged; restore it from its source",
                details={"path": name, "section": repr(tag), "offset": offset},
            )
        if tag in entries:
            raise InvalidCubeFileError(f"{where}: part {tag!r} is listed twice")
        if flags & CRITICAL and tag not in _KNOWN and tag not in _BASE.values():
            raise UnsupportedVersionError(
                f"{where}: part {tag!r} is needed to read this file, and unknown to this version",
                suggestion="upgrade dicube-plugins",
                details={"path": name},
            )
        entries[tag] = Entry(Section(offset, length), crc, flags)
    return entries


#: More slots than any file has are not looked at.
_MOST_SLOTS = 64


class LooseDirectory(NamedTuple):
    """What the bytes of a directory say that may be damaged; nothing of it was checked.

    `slots` are (tag, entry) in their order, to the end of the data where the directory is not
    `sound`: what is behind its last entry then looks like further ones.
    """

    slots: list[tuple[bytes, Entry]]
    n_entries: int
    version: int
    file_length: int
    frame_count: int
    header_crc: int
    crc: int
    sound: bool

    def known(self) -> dict[bytes, Entry]:
        """Return the entries whose tag is one of ours, the first of each."""
        found: dict[bytes, Entry] = {}
        for tag, entry in self.slots:
            if tag in _KNOWN or tag in _BASE.values():
                found.setdefault(tag, entry)
        return found

    def refuse_unknown(self, name: str) -> None:
        """Refuse a directory that is sound, but of a later version of the format.

        Raises
        ------
        UnsupportedVersionError
            Its version, or a critical part, is unknown.
        """
        known = self.known()
        needed = [tag for tag, entry in self.slots if entry.flags & CRITICAL and tag not in known]
        if self.sound and (self.version != _VERSION or needed):
            raise UnsupportedVersionError(
                f"{name}: the extension block is of version {self.version} and needs "
                f"{needed or 'nothing else'}, which this version does not know",
                suggestion="upgrade dicube-plugins",
                details={"path": name, "offset": HEADER_SIZE},
            )


def read_loosely(front: bytes, start: int = HEADER_SIZE) -> LooseDirectory | None:
    """Read a directory for repair, damaged or not; None where there is no room for one.

    Parameters
    ----------
    front : bytes
        The first bytes of the file.
    start : int
        Where the directory begins, if bytes were lost or put before it.
    """
    data = front[start:]
    if len(data) < _HEAD.size:
        return None
    _, version, n_entries, file_length, frames, header_crc, crc = _HEAD.unpack_from(data)
    size = directory_size(n_entries)
    body = data[_HEAD.size : size]
    whole = data[:8] == EXTENSION_MAGIC and size <= len(data)
    sound = whole and zlib.crc32(body, zlib.crc32(data[: _HEAD.size - 4])) == crc
    if not sound:
        room = (len(data) - _HEAD.size) // _ENTRY.size
        body = data[_HEAD.size : directory_size(min(_MOST_SLOTS, room))]
    slots = [
        (tag, Entry(Section(offset, length), entry_crc, flags))
        for tag, flags, offset, length, entry_crc, _ in _ENTRY.iter_unpack(body)
    ]
    return LooseDirectory(slots, n_entries, version, file_length, frames, header_crc, crc, sound)


def binding_of(pixel_header: dict[str, Any]) -> int | None:
    """Return the header CRC that the pixel header's key is bound to, None without a key."""
    key = pixel_header.get(PIXEL_HEADER_KEY)
    if not isinstance(key, dict):
        return None
    value = key.get("header_crc32")
    return value if isinstance(value, int) else -1
