"""Take a file apart: written from ``docs/format.md``, without the package's own reader."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from struct import Struct
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reliability.malformed.variant import Base

__all__ = [
    "COPY",
    "DIRECTORY",
    "ENTRY",
    "FIRST_ENTRY",
    "HEADER",
    "MAGIC",
    "SECTIONS",
    "TAGS",
    "Draft",
    "Part",
    "Parts",
    "layout",
    "parts_of",
    "take_apart",
]

HEADER = Struct("<8sI13Q")
DIRECTORY = Struct("<8sIIQQII")
ENTRY = Struct("<4sIQQII")
FIRST_ENTRY = HEADER.size + DIRECTORY.size
SECTIONS = ("dicom_status", "dicom_meta", "space", "pixel_header", "frame_offsets", "frame_lengths")
TAGS = (b"stat", b"meta", b"spac", b"pixh", b"offs", b"lens")
MAGIC = b"\x89DCBX\r\n\x1a"
#: The copy of header, directory and pixel header, which ends a file.
COPY = b"COPY"
_CRC_OF_FRAMES = b"FCRC"


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the extension block; without a payload it is the table of frame checksums."""

    tag: bytes
    payload: bytes | None
    flags: int = 0


@dataclass(frozen=True, slots=True)
class Parts:
    """All that a file holds; without extension parts it has no extension block.

    The copy of its front, if it has one, is made when it is put together.
    """

    dicom_status: bytes
    dicom_meta: bytes
    space: bytes
    pixel_header: bytes
    frames: tuple[bytes, ...]
    extension: tuple[Part, ...] = ()
    copied: bool = False

    def part(self, tag: bytes) -> bytes:
        """Return the payload of an extension part."""
        return next(p.payload or b"" for p in self.extension if p.tag == tag)


@dataclass(slots=True)
class Draft:
    """A file whose places are settled and whose checksums are not: what a rule may alter.

    An entry is tag, flags, offset, length, CRC, reserved; None is what would be right, for
    entries of sections what the header says.
    """

    numbers: list[int]
    offsets: list[int]
    lengths: list[int]
    entries: list[list[Any]]
    magic: bytes = b"DCMCUBES"
    version: int = 1
    directory: dict[str, Any] = field(default_factory=dict)
    trailing: bytes = b""


def take_apart(data: bytes) -> Parts:
    """Read a good file."""
    numbers = HEADER.unpack_from(data)[2:]
    spans = [data[a : a + n] for a, n in zip(numbers[:12:2], numbers[1:12:2], strict=True)]
    tables = [
        [int.from_bytes(t[i : i + 8], "little") for i in range(0, len(t), 8)] for t in spans[4:]
    ]
    frames = tuple(data[a : a + n] for a, n in zip(*tables, strict=True))
    extension, copied = [], False
    if data[HEADER.size : HEADER.size + 8] == MAGIC:
        count = DIRECTORY.unpack_from(data, HEADER.size)[2]
        for place in range(FIRST_ENTRY, FIRST_ENTRY + count * ENTRY.size, ENTRY.size):
            tag, flags, offset, length, _, _ = ENTRY.unpack_from(data, place)
            copied |= tag == COPY
            if tag not in TAGS and tag != COPY:
                payload = None if tag == _CRC_OF_FRAMES else data[offset : offset + length]
                extension.append(Part(tag, payload, flags))
    return Parts(*spans[:4], frames, tuple(extension), copied)


@lru_cache(maxsize=16)
def parts_of(base: Base) -> Parts:
    """Return a base in parts."""
    return take_apart(base.data)


@lru_cache(maxsize=16)
def layout(base: Base) -> dict[str, range]:
    """Return where everything of a base lies: header, directory, parts, sections, frames."""
    data = base.data
    numbers = HEADER.unpack_from(data)[2:]
    found = {"header": range(HEADER.size)}
    if base.checksums:
        count = DIRECTORY.unpack_from(data, HEADER.size)[2]
        stop = FIRST_ENTRY + count * ENTRY.size
        found["directory"] = range(HEADER.size, FIRST_ENTRY)
        found["entries"] = range(FIRST_ENTRY, stop)
        for place in range(FIRST_ENTRY, stop, ENTRY.size):
            tag, _, offset, length, _, _ = ENTRY.unpack_from(data, place)
            if tag not in TAGS:
                found[tag.decode()] = range(offset, offset + length)
    for number, name in enumerate(SECTIONS):
        offset, length = numbers[2 * number : 2 * number + 2]
        if length:
            found[name] = range(offset, offset + length)
    position = found["frame_lengths"].stop
    for number, frame in enumerate(parts_of(base).frames):
        found[f"frame {number}"] = range(position, position + len(frame))
        position += len(frame)
    return found
