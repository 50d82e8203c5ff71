"""Put a file together, with whatever lies in it and right checksums.

Written from ``docs/format.md``, without the package's own writer.
"""

from __future__ import annotations

import re
from struct import Struct
from typing import TYPE_CHECKING, Any
from zlib import crc32

import zstandard

from reliability.malformed.rules._file import (
    COPY,
    DIRECTORY,
    ENTRY,
    FIRST_ENTRY,
    HEADER,
    MAGIC,
    SECTIONS,
    TAGS,
    Draft,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from reliability.malformed.rules._file import Part, Parts

__all__ = ["assemble", "resealed"]

_BOUND_TO = re.compile(rb'"header_crc32":\s*\d+')
_BLOCK = re.compile(rb'"extension":\[116,\d+\]')
_U64 = (1 << 64) - 1
_COPY_HEAD = Struct("<8sIQII")
_COPY_MAGIC = b"\x89DCBY\r\n\x1a"
#: Of Zstandard, as files are written.
_LEVEL = 9


def _pixel_header(text: bytes, block: int, crc: int) -> bytes:
    text = _BLOCK.sub(b'"extension":[116,%d]' % block, text)
    return _BOUND_TO.sub(b'"header_crc32":%10d' % crc, text)


def _u64s(values: list[int]) -> bytes:
    return b"".join((value & _U64).to_bytes(8, "little") for value in values)


def _placed_block(
    block: tuple[Part, ...], count: int, copied: bool
) -> tuple[list[list[Any]], list[tuple[int, bytes]], int]:
    """Return entries and pieces of the parts of an extension block, and where it ends."""
    position = HEADER.size
    if block:
        position = FIRST_ENTRY + ENTRY.size * (len(block) + len(SECTIONS) + copied)
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
    entries, pieces, position = _placed_block(block, count, parts.copied)
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
    behind = (*TAGS, COPY) if parts.copied else TAGS
    entries += [[tag, 0, None, None, None, 0] for tag in behind] if block else []
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
        pixel_header = _pixel_header(parts.pixel_header, size_of_block, header_crc)
        data[numbers[6] : numbers[6] + numbers[7]] = pixel_header
        if at_crcs is not None:
            table = _frame_crcs(data, draft, stale)
            data[at_crcs : at_crcs + len(table)] = table
        _seal(data, draft, parts, stale, (header_crc, pixel_header))
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
    data: bytearray,
    draft: Draft,
    parts: Parts,
    stale: Parts | None,
    bound: tuple[int, bytes],
) -> None:
    """Write the extension directory, with the checksum of every part, and the copy of the front.

    `bound` is the CRC of the header, and the pixel header that says it.
    """
    header_crc, pixel_header = bound
    entries = [_entry(entry, data, draft, parts, stale) for entry in draft.entries]
    if parts.copied:
        listed = [e for e, told in zip(entries, draft.entries, strict=True) if told[0] != COPY]
        end = len(data)
        data += _copy(data, _directory(listed, end, draft, header_crc), pixel_header)
        where = (end, len(data) - end, crc32(data[end:]))
        for number, told in enumerate(draft.entries):
            if told[0] == COPY:
                own = (r if t is None else t for t, r in zip(told[2:5], where, strict=True))
                offset, length, crc = own
                told = (told[1], offset & _U64, length & _U64, crc, told[5])  # noqa: PLW2901
                entries[number] = ENTRY.pack(COPY, *told)
    packed = _directory(entries, len(data), draft, header_crc)
    data[HEADER.size : HEADER.size + len(packed)] = packed


def _copy(data: bytearray, directory: bytes, pixel_header: bytes) -> bytes:
    """Return the copy of what stands at the front, which nobody reads but who repairs."""
    front = bytes(data[: HEADER.size]) + directory + pixel_header
    content = zstandard.compress(front, _LEVEL)
    size = len(data) + _COPY_HEAD.size + len(content) + 4
    copy = _COPY_HEAD.pack(_COPY_MAGIC, 1, size, len(directory), len(content)) + content
    return copy + crc32(copy).to_bytes(4, "little")


def _entry(
    entry: list[Any], data: bytearray, draft: Draft, parts: Parts, stale: Parts | None
) -> bytes:
    """Return an entry of the directory, with the checksum of its part."""
    before = stale or parts
    old = {p.tag: p.payload for p in before.extension if p.payload is not None}
    new = {p.tag: p.payload for p in parts.extension}
    for number, name in enumerate(SECTIONS[:4]):
        new[TAGS[number]], old[TAGS[number]] = getattr(parts, name), getattr(before, name)
    tag = entry[0]
    number_of = TAGS.index(tag) if tag in TAGS else None
    told = [0, 0] if number_of is None else draft.numbers[2 * number_of : 2 * number_of + 2]
    offset, length = (
        (right & _U64 if value is None else value)
        for value, right in zip(entry[2:4], told, strict=True)
    )
    crc = entry[4]
    if crc is None and stale is not None and tag in new and new[tag] != old.get(tag):
        crc = crc32(old.get(tag) or b"")
    elif crc is None:
        crc = crc32(data[offset : offset + length]) if offset + length <= len(data) else 0
    return ENTRY.pack(tag, entry[1], offset & _U64, length & _U64, crc, entry[5])


def _directory(entries: list[bytes], length: int, draft: Draft, header_crc: int) -> bytes:
    """Return the directory of these entries, or what the draft says of it."""
    right = {
        "magic": MAGIC,
        "version": 1,
        "entries": len(entries),
        "length": length,
        "frames": draft.numbers[12] & _U64,
        "header_crc": header_crc,
    }
    told = {**right, **{key: value for key, value in draft.directory.items() if key in right}}
    head = DIRECTORY.pack(*told.values(), 0)[:-4]
    body = b"".join(entries)
    crc = draft.directory.get("crc", crc32(body, crc32(head)))
    return bytes(head + crc.to_bytes(4, "little") + body)


def resealed(data: bytes) -> bytes:
    """Return a file whose directory says its new length, with the right CRC."""
    told = list(DIRECTORY.unpack_from(data, HEADER.size))
    told[3] = len(data)
    head = DIRECTORY.pack(*told)[:-4]
    body = data[FIRST_ENTRY : FIRST_ENTRY + told[2] * ENTRY.size]
    crc = crc32(body, crc32(head)).to_bytes(4, "little")
    return data[: HEADER.size] + head + crc + data[FIRST_ENTRY:]
