"""Take a ``.dcbs`` file apart and put it together again, with checksums that are right."""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass, field, replace
from typing import Any

from dicube_core.container.extension import (
    CRITICAL,
    CRITICAL_PARTS,
    FRAME_CHECKSUMS,
    FRONT_COPY,
    PIXEL_HEADER_KEY,
    WRITER,
    Directory,
    Entry,
    directory_size,
)
from dicube_core.container.front_copy import pack_front_copy, with_front_copy
from dicube_core.container.index import pack_u32, pack_u64
from dicube_core.container.layout import HEADER_SIZE, SECTION_NAMES, FileHeader, Section
from dicube_core.container.reader import Container
from dicube_core.exceptions import DicomCubeError
from dicube_core.source import BytesSource

__all__ = ["Parts", "put_together", "take_apart", "with_right_checksums"]

_BOUND = ("extension", "header_crc32")
_MARK = b'"header_crc32":0'


@dataclass(frozen=True, slots=True)
class Parts:
    """A file, in pieces.

    Parameters
    ----------
    sections : dict
        dicom_status, dicom_meta, space and pixel_header; the last without what binds it.
    extension : dict
        Parts of the extension block but the frame checksums and the copy of the front.
    frames : tuple of bytes
        Codestreams.
    checked : bool
        Whether there is an extension block.
    """

    sections: dict[str, bytes]
    extension: dict[bytes, bytes] = field(default_factory=dict)
    frames: tuple[bytes, ...] = ()
    checked: bool = False

    def with_section(self, name: str, data: bytes) -> Parts:
        """Return the same with another section."""
        return replace(self, sections={**self.sections, name: data})

    def with_part(self, tag: bytes, data: bytes) -> Parts:
        """Return the same with another part of the extension block."""
        return replace(self, extension={**self.extension, tag: data})


def take_apart(data: bytes) -> Parts | None:
    """Return the pieces of a file, None where it cannot be opened."""
    try:
        container = Container(BytesSource(data))
        sections = {name: container.section(name) for name in SECTION_NAMES[:4]}
        frames = tuple(container.codestream(i) for i in range(container.frame_count))
        directory = Directory.parse(data, len(data), "")
        tags = [] if directory is None else [*directory.entries]
        base = {Directory.base_tag(name) for name in SECTION_NAMES}
        made = {*base, FRAME_CHECKSUMS, FRONT_COPY}
        extension = {tag: container.part(tag) or b"" for tag in tags if tag not in made}
    except DicomCubeError:
        return None
    sections["pixel_header"] = _unbound(sections["pixel_header"])
    return Parts(sections, extension, frames, directory is not None)


def _unbound(text: bytes) -> bytes:
    value = json.loads(text)
    key = value.get(PIXEL_HEADER_KEY)
    if isinstance(key, dict):
        value[PIXEL_HEADER_KEY] = {k: v for k, v in key.items() if k not in _BOUND}
    return json.dumps(value, separators=(",", ":")).encode()


def put_together(parts: Parts) -> bytes:
    """Return the file that has these pieces, laid out as our writer does."""
    return _checked(parts) if parts.checked else _unchecked(parts)


def _layout(
    sizes: dict[str, int], position: int, n_frames: int
) -> tuple[FileHeader, dict[str, Section], int]:
    places = {}
    for name in SECTION_NAMES:
        places[name] = Section(position, sizes[name])
        position += sizes[name]
    return FileHeader(**places, frame_count=n_frames), places, position


def _sizes(sections: dict[str, bytes], n_frames: int) -> dict[str, int]:
    sizes = {name: len(data) for name, data in sections.items()}
    return {**sizes, "frame_offsets": 8 * n_frames, "frame_lengths": 8 * n_frames}


def _tables(frames: tuple[bytes, ...], first: int) -> dict[str, bytes]:
    offsets, position = [], first
    for frame in frames:
        offsets.append(position)
        position += len(frame)
    return {
        "frame_offsets": pack_u64(offsets),
        "frame_lengths": pack_u64([len(frame) for frame in frames]),
    }


def _unchecked(parts: Parts) -> bytes:
    n_frames = len(parts.frames)
    header, _, first = _layout(_sizes(parts.sections, n_frames), HEADER_SIZE, n_frames)
    sections = {**parts.sections, **_tables(parts.frames, first)}
    return b"".join((header.pack(), *(sections[n] for n in SECTION_NAMES), *parts.frames))


def _checked(parts: Parts) -> bytes:
    n_frames = len(parts.frames)
    rest = dict(parts.extension)
    first_parts = {WRITER: rest.pop(WRITER)} if WRITER in rest else {}
    checksums = pack_u32([*map(zlib.crc32, parts.frames)])
    payloads = {**first_parts, FRAME_CHECKSUMS: checksums, **rest}
    position = HEADER_SIZE + directory_size(len(payloads) + len(SECTION_NAMES) + 1)
    entries = {}
    for tag, payload in payloads.items():
        flags = CRITICAL * (tag in CRITICAL_PARTS)
        entries[tag] = Entry(Section(position, len(payload)), zlib.crc32(payload), flags)
        position += len(payload)
    bound = _bound(parts.sections["pixel_header"], position - HEADER_SIZE)
    sections = {**parts.sections, "pixel_header": bound}
    header, places, first = _layout(_sizes(sections, n_frames), position, n_frames)
    crc = zlib.crc32(header.pack())
    head, mark, tail = bound.rpartition(_MARK + b" " * 9)
    if mark:
        sections["pixel_header"] = head + _MARK[:-1] + b"%10d" % crc + tail
    sections |= _tables(parts.frames, first)
    for name in SECTION_NAMES:
        entries[Directory.base_tag(name)] = Entry(places[name], zlib.crc32(sections[name]))
    length = first + sum(map(len, parts.frames))
    directory = Directory(entries, length, n_frames, crc)
    copy = pack_front_copy(directory, header, sections["pixel_header"])
    block = (with_front_copy(directory, copy).pack(), *payloads.values())
    base = (sections[name] for name in SECTION_NAMES)
    return b"".join((header.pack(), *block, *base, *parts.frames, copy))


def _bound(text: bytes, extension_length: int) -> bytes:
    """Return the pixel header with the keys that bind it, their values still to be filled in."""
    try:
        value: Any = json.loads(text)
    except (ValueError, RecursionError):
        return text
    if not isinstance(value, dict):
        return text
    key = value.get(PIXEL_HEADER_KEY)
    if isinstance(key, dict):
        key = {"extension": [HEADER_SIZE, extension_length], "header_crc32": 0, **key}
        value[PIXEL_HEADER_KEY] = key
    bound = json.dumps(value, separators=(",", ":")).encode()
    # Ten characters, as the writer has it.
    head, mark, tail = bound.rpartition(_MARK)
    return head + mark + b" " * 9 + tail if mark else bound


def with_right_checksums(data: bytes) -> bytes:
    """Return a file whose bytes were changed anyhow, with all checksums that can be found right."""
    try:
        directory = Directory.parse(_with_block_crc(data), len(data), "")
    except DicomCubeError:
        return data
    if directory is None:
        return data
    fixed = bytearray(data)
    crc = zlib.crc32(data[:HEADER_SIZE])
    place = data.find(b'"header_crc32":')
    if place >= 0:
        fixed[place + 15 : place + 25] = b"%10d" % crc
    entries = {
        tag: entry._replace(crc=zlib.crc32(fixed[entry.section.offset : entry.section.stop]))
        for tag, entry in directory.entries.items()
    }
    made = Directory(entries, len(fixed), directory.frame_count, crc).pack()
    fixed[HEADER_SIZE : HEADER_SIZE + len(made)] = made
    return bytes(fixed)


def _with_block_crc(data: bytes) -> bytes:
    """Return the file with the checksum of the directory right, so that it can be parsed."""
    n_entries = int.from_bytes(data[HEADER_SIZE + 12 : HEADER_SIZE + 16], "little")
    head = HEADER_SIZE + directory_size(0)
    stop = HEADER_SIZE + directory_size(n_entries)
    if len(data) < head or stop > len(data):
        return data
    crc = zlib.crc32(data[head:stop], zlib.crc32(data[HEADER_SIZE : head - 4]))
    return data[: head - 4] + crc.to_bytes(4, "little") + data[head:]
