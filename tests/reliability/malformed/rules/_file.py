"""Take a file apart and put it together again, with whatever lies in it and right checksums.

Written from ``docs/format.md``, without the package's own reader and writer.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from struct import Struct
from typing import TYPE_CHECKING, Any
from zlib import crc32

if TYPE_CHECKING:
    from collections.abc import Callable

    from reliability.malformed.variant import Base

__all__ = [
    "DIRECTORY",
    "ENTRY",
    "FIRST_ENTRY",
    "HEADER",
    "SECTIONS",
    "TAGS",
    "Draft",
    "Part",
    "Parts",
    "assemble",
    "layout",
    "parts_of",
    "resealed",
]

HEADER = Struct("<8sI13Q")
DIRECTORY = Struct("<8sIIQQII")
ENTRY = Struct("<4sIQQII")
FIRST_ENTRY = HEADER.size + DIRECTORY.size
SECTIONS = ("dicom_status", "dicom_meta", "space", "pixel_header", "frame_offsets", "frame_lengths")
TAGS = (b"stat", b"meta", b"spac", b"pixh", b"offs", b"lens")
MAGIC = b"\x89DCBX\r\n\x1a"
_CRC_OF_FRAMES = b"FCRC"
_BOUND_TO = re.compile(rb'"header_crc32":\s*\d+')
_BLOCK = re.compile(rb'"extension":\[116,\d+\]')
_U64 = (1 << 64) - 1


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the extension block; without a payload it is the table of frame checksums."""

    tag: bytes
    payload: bytes | None
    flags: int = 0


@dataclass(frozen=True, slots=True)
class Parts:
    """All that a file holds; without extension parts it has no extension block."""

    dicom_status: bytes
    dicom_meta: bytes
    space: bytes
    pixel_header: bytes
    frames: tuple[bytes, ...]
    extension: tuple[Part, ...] = ()

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
    extension = []
    if data[HEADER.size : HEADER.size + 8] == MAGIC:
        count = DIRECTORY.unpack_from(data, HEADER.size)[2]
        for place in range(FIRST_ENTRY, FIRST_ENTRY + count * ENTRY.size, ENTRY.size):
            tag, flags, offset, length, _, _ = ENTRY.unpack_from(data, place)
            if tag not in TAGS:
                payload = None if tag == _CRC_OF_FRAMES else data[offset : offset + length]
                extension.append(Part(tag, payload, flags))
    return Parts(*spans[:4], frames, tuple(extension))


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


def _pixel_header(text: bytes, block: int, crc: int) -> bytes:
    text = _BLOCK.sub(b'"extension":[116,%d]' % block, text)
    return _BOUND_TO.sub(b'"header_crc32":%10d' % crc, text)


def _u64s(values: list[int]) -> bytes:
    return b"".join((value & _U64).to_bytes(8, "little") for value in values)


def _placed_block(
    block: tuple[Part, ...], count: int
) -> tuple[list[list[Any]], list[tuple[int, bytes]], int]:
    """Return entries and pieces of the parts of an extension block, and where it ends."""
    position = HEADER.size
    if block:
        position = FIRST_ENTRY + ENTRY.size * (len(block) + len(SECTIONS))
    entries: list[list[Any]] = []
    pieces: list[tuple[int, bytes]] = []
    for part in block:
        payload = bytes(4 * count) if part.payload is None else part.payload
        entries.append([part.tag, part.flags, position, len(payload), None, 0])
        pieces.append((position, payload))
        position += len(payload)
    return entries, pieces, position


def assemble(
    parts: Parts, alter: Callable[[Draft], None] | None = None, *, stale: Parts | None = None
) -> bytes:
    """Return the file.

    Parameters
    ----------
    parts : Parts
        What lies in it.
    alter : callable, optional
        Changes the draft before checksums are computed.
    stale : Parts, optional
        What the checksums are of, where it differs: damage, not a lie.
    """
    block, count = parts.extension, len(parts.frames)
    entries, pieces, position = _placed_block(block, count)
    at_crcs = next((e[2] for e, p in zip(entries, block, strict=True) if p.payload is None), None)
    size_of_block = position - HEADER.size
    drafted = _pixel_header(parts.pixel_header, size_of_block, 0) if block else parts.pixel_header
    sections = (parts.dicom_status, parts.dicom_meta, parts.space, drafted)
    numbers = []
    for section in (*sections, bytes(8 * count), bytes(8 * count)):
        numbers += [position, len(section)]
        pieces.append((position, section))
        position += len(section)
    tables = pieces[-2][0], pieces[-1][0]
    offsets = []
    for frame in parts.frames:
        offsets.append(position)
        pieces.append((position, frame))
        position += len(frame)
    entries += [[tag, 0, None, None, None, 0] for tag in TAGS] if block else []
    draft = Draft([*numbers, count], offsets, [len(f) for f in parts.frames], entries)
    if alter is not None:
        alter(draft)
    data = bytearray(position)
    for place, piece in pieces:
        data[place : place + len(piece)] = piece
    for place, values in zip(tables, (draft.offsets, draft.lengths), strict=True):
        data[place : place + 8 * count] = _u64s(values)[: 8 * count]
    places = [number & _U64 for number in draft.numbers]
    data[: HEADER.size] = HEADER.pack(draft.magic, draft.version, *places)
    data += draft.trailing
    if block:
        header_crc = crc32(data[: HEADER.size])
        at = numbers[6]
        data[at : at + numbers[7]] = _pixel_header(parts.pixel_header, size_of_block, header_crc)
        if at_crcs is not None:
            table = _frame_crcs(data, draft, stale)
            data[at_crcs : at_crcs + len(table)] = table
        _seal(data, draft, header_crc, parts, stale)
    return bytes(data)


def _frame_crcs(data: bytearray, draft: Draft, stale: Parts | None) -> bytes:
    """Return the checksums of what lies where the tables say that frames are."""
    crcs = []
    for number, (start, size) in enumerate(zip(draft.offsets, draft.lengths, strict=True)):
        frame = bytes(data[start : start + size]) if size < len(data) else b""
        if stale is not None and number < len(stale.frames):
            frame = stale.frames[number]
        crcs.append(crc32(frame).to_bytes(4, "little"))
    return b"".join(crcs)


def _seal(
    data: bytearray, draft: Draft, header_crc: int, parts: Parts, stale: Parts | None
) -> None:
    """Write the extension directory, with the checksum of every part."""
    before = stale or parts
    old = {p.tag: p.payload for p in before.extension if p.payload is not None}
    new = {p.tag: p.payload for p in parts.extension}
    for number, name in enumerate(SECTIONS[:4]):
        new[TAGS[number]], old[TAGS[number]] = getattr(parts, name), getattr(before, name)
    packed = []
    for entry in draft.entries:
        tag = entry[0]
        number = TAGS.index(tag) if tag in TAGS else None
        told = [0, 0] if number is None else draft.numbers[2 * number : 2 * number + 2]
        offset, length = (
            (right & _U64 if value is None else value)
            for value, right in zip(entry[2:4], told, strict=True)
        )
        crc = entry[4]
        if crc is None and stale is not None and tag in new and new[tag] != old.get(tag):
            crc = crc32(old.get(tag) or b"")
        elif crc is None:
            crc = crc32(data[offset : offset + length]) if offset + length <= len(data) else 0
        packed.append(ENTRY.pack(tag, entry[1], offset & _U64, length & _U64, crc, entry[5]))
    right = {
        "magic": MAGIC,
        "version": 1,
        "entries": len(packed),
        "length": len(data),
        "frames": draft.numbers[12] & _U64,
        "header_crc": header_crc,
    }
    told = {**right, **{key: value for key, value in draft.directory.items() if key in right}}
    head = DIRECTORY.pack(*told.values(), 0)[:-4]
    body = b"".join(packed)
    crc = draft.directory.get("crc", crc32(body, crc32(head)))
    data[HEADER.size : FIRST_ENTRY + len(body)] = head + crc.to_bytes(4, "little") + body


def resealed(data: bytes) -> bytes:
    """Return a file whose directory says its new length, with the right CRC."""
    told = list(DIRECTORY.unpack_from(data, HEADER.size))
    told[3] = len(data)
    head = DIRECTORY.pack(*told)[:-4]
    body = data[FIRST_ENTRY : FIRST_ENTRY + told[2] * ENTRY.size]
    crc = crc32(body, crc32(head)).to_bytes(4, "little")
    return data[: HEADER.size] + head + crc + data[FIRST_ENTRY:]
