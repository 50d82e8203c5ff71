"""The copy of header, directory and pixel header at the end of a file (``docs/format.md``, 2.7).

Nothing that reads a file looks at it. It is for `repair`, where the beginning of a file is lost:
without these few hundred bytes nobody knows what the others are.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from struct import Struct
from typing import TYPE_CHECKING

from dicube_core.container.extension import FRONT_COPY, Directory, Entry, read_loosely
from dicube_core.container.layout import HEADER_SIZE, FileHeader, Section
from dicube_core.container.sections import compress, decompress
from dicube_core.exceptions import DicomCubeError

if TYPE_CHECKING:
    from dicube_core.source import ByteSource

__all__ = ["FrontCopy", "find_front_copy", "pack_front_copy", "with_front_copy"]

_MAGIC = b"\x89DCBY\r\n\x1a"
_VERSION = 1
#: magic, version, length of the whole file, length of the directory, of the compressed content
_HEAD = Struct("<8sIQII")
_CRC_SIZE = 4
#: Longer pixel headers (a number per frame, of very many) are not copied.
_LONGEST = 1 << 16
#: How much of the end of a file is searched, and how many beginnings are tried.
_SEARCHED, _TRIES = 1 << 18, 64


@dataclass(frozen=True, slots=True)
class FrontCopy:
    """What a copy says, whose checksum is right.

    Parameters
    ----------
    front : bytes
        Header and directory as they were written.
    pixel_header : bytes
        As it was written; empty where it was too long.
    shift : int
        By how many bytes the copy lies behind the place where it was written.
    """

    front: bytes
    pixel_header: bytes
    shift: int


def pack_front_copy(directory: Directory, header: FileHeader, pixel_header: bytes) -> bytes:
    """Return the copy, which ends the file.

    Parameters
    ----------
    directory : Directory
        Without the entry of the copy; its `file_length` is where the copy begins.
    """
    entries = directory.pack()
    copied = pixel_header if len(pixel_header) <= _LONGEST else b""
    content = compress(header.pack() + entries + copied)
    length = directory.file_length + _HEAD.size + len(content) + _CRC_SIZE
    head = _HEAD.pack(_MAGIC, _VERSION, length, len(entries), len(content)) + content
    return head + zlib.crc32(head).to_bytes(_CRC_SIZE, "little")


def with_front_copy(directory: Directory, copy: bytes) -> Directory:
    """Return the directory of the file that ends with the copy: its entry is the last one."""
    entry = Entry(Section(directory.file_length, len(copy)), zlib.crc32(copy))
    length = directory.file_length + len(copy)
    entries = {**directory.entries, FRONT_COPY: entry}
    return Directory(entries, length, directory.frame_count, directory.header_crc)


def find_front_copy(source: ByteSource) -> FrontCopy | None:
    """Return the copy that a file ends with, None where none is whole.

    Bytes may have been lost before it, or put behind it. One that lies further behind than where
    it was written is of another file, to which this one was put in front.
    """
    size = source.size()
    start = max(0, size - _SEARCHED)
    data = source.read_at(start, size - start)
    position = len(data)
    for _ in range(_TRIES):
        position = data.rfind(_MAGIC, 0, position)
        if position < 0:
            break
        found = _unpack(data[position:], start + position)
        if found is not None and found.shift <= 0:
            return found
    return None


def _unpack(data: bytes, position: int) -> FrontCopy | None:
    """Read a copy that begins at byte `position` of its file; None where it is none."""
    if len(data) < _HEAD.size:
        return None
    _, version, file_length, directory_length, content_length = _HEAD.unpack_from(data)
    stop = _HEAD.size + content_length
    copy = data[: stop + _CRC_SIZE]
    crc = zlib.crc32(copy[:stop]).to_bytes(_CRC_SIZE, "little")
    if version != _VERSION or copy[stop:] != crc:
        return None
    try:
        content = decompress(copy[_HEAD.size : stop], "copy of the header")
    except DicomCubeError:
        return None
    split = HEADER_SIZE + directory_length
    loose = read_loosely(content[:split])
    if loose is None or not loose.sound or loose.file_length != file_length - len(copy):
        return None
    entries = dict(loose.slots)
    if zlib.crc32(content[:HEADER_SIZE]) != loose.header_crc:
        return None
    plain = Directory(entries, loose.file_length, loose.frame_count, loose.header_crc)
    front = content[:HEADER_SIZE] + with_front_copy(plain, copy).pack()
    return FrontCopy(front, content[split:], position - plain.file_length)
