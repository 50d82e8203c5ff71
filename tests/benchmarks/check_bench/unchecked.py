"""Switch the checks of opening a file off, to measure what they cost. For benchmarks only."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from dicube_core.container import extension
from dicube_core.container.extension import Directory, Entry
from dicube_core.container.index import FrameIndex, unpack_u64
from dicube_core.container.layout import HEADER_SIZE, FileHeader, Section
from dicube_core.container.reader import Container

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["without_checks"]


def _nothing(*_: Any) -> None:
    """Check nothing."""


def _parse_directory(front: bytes, *_: Any) -> Directory | None:
    """Read the directory, its numbers as they are."""
    data = front[HEADER_SIZE:]
    if data[:8] != extension.EXTENSION_MAGIC:
        return None
    _, _, count, file_length, frames, header_crc, _ = extension._HEAD.unpack_from(data)
    body = data[extension._HEAD.size : extension.directory_size(count)]
    entries = {
        tag: Entry(Section(offset, length), crc, flags)
        for tag, flags, offset, length, crc, _ in extension._ENTRY.iter_unpack(body)
    }
    return Directory(entries, file_length, frames, header_crc)


def _parse_index(offsets: bytes, lengths: bytes, *_: Any) -> FrameIndex:
    return FrameIndex(unpack_u64(offsets), unpack_u64(lengths))


@contextmanager
def without_checks() -> Iterator[None]:
    """Open files without looking at checksums, places, overlaps, sizes and limits."""
    with (
        patch.object(FileHeader, "_check", _nothing),
        patch.object(Directory, "parse", _parse_directory),
        patch.object(Directory, "check_file", _nothing),
        patch.object(FrameIndex, "parse", _parse_index),
        patch.object(Container, "_check", _nothing),
        patch.object(Container, "_check_places", _nothing),
        patch.object(Container, "_check_limits", _nothing),
        patch.object(Container, "_check_size", _nothing),
    ):
        yield
