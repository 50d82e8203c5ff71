"""Targets: the container, its tables and its compressed sections."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

from dicube_core.container.columns import ColumnTable, pack_table
from dicube_core.container.extension import Directory
from dicube_core.container.layout import HEADER_SIZE, SECTION_NAMES, FileHeader
from dicube_core.container.reader import Container
from dicube_core.container.sections import compress, decompress
from dicube_core.dicom.kept_encoding import parse_kept
from dicube_core.frame_map import FrameMap
from dicube_core.source import BytesSource
from reliability.fuzz import seeds
from reliability.fuzz.checks import attempt, require
from reliability.fuzz.mutate_files import mutate_columns, mutate_file
from reliability.fuzz.mutate_json import mutate_json
from reliability.fuzz.target import Target

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["TARGETS"]

_FEW = 64


def container(data: bytes) -> None:
    """Open a file and read every part of it, no pixel."""
    header = attempt(FileHeader.parse, data[: 1 << 16], len(data), "f")
    if header is not None:
        require(header.pack() == data[:HEADER_SIZE], "the header is not what it was read from")
    directory = attempt(Directory.parse, data, len(data), "f")
    if directory is not None:
        again = attempt(Directory.parse, data[:HEADER_SIZE] + directory.pack(), len(data), "f")
        require(again == directory, "the directory is not what it was read from")
    opened = attempt(Container, BytesSource(data, "f"))
    if opened is None:
        return
    attempt(opened.check_all)
    for name in SECTION_NAMES:
        attempt(opened.section, name)
    attempt(opened.space)
    attempt(opened.dicom_status)
    _check_metadata(opened)
    _check_frames(opened, data)


def _check_metadata(opened: Container) -> None:
    metadata = attempt(opened.metadata)
    if not isinstance(metadata, dict):
        return
    for key in [*_tags(metadata)][:_FEW]:
        require(opened.may_have(int(key, 16)), "a tag that is there was ruled out", key)


def _tags(value: Any, depth: int = 0) -> Iterator[str]:
    if depth < 20:
        children = value.values() if isinstance(value, dict) else value
        for key in value if isinstance(value, dict) else ():
            if len(key) == 8 and set(key) <= set("0123456789ABCDEF"):
                yield key
        for child in children:
            if isinstance(child, dict | list):
                yield from _tags(child, depth + 1)


def _check_frames(opened: Container, data: bytes) -> None:
    spans = []
    for number in range(opened.frame_count):
        offset, length = opened.index.offsets[number], opened.index.lengths[number]
        spans.append((offset, offset + length))
        found = attempt(opened.codestream, number)
        if found is not None:
            require(found == data[offset : offset + length], "a frame of other bytes", number)
            require(len(found) == length > 0, "a frame is cut", number)
    for (_, stop), (start, _) in pairwise(sorted(spans)):
        require(stop <= start, "frames share bytes", stop, start)


def columns(data: bytes) -> None:
    """Read a table of columns."""
    table = attempt(ColumnTable, data)
    if table is None:
        return
    rows = [table.row(number) for number in range(min(len(table), _FEW))]
    if len(table) > _FEW:
        return
    put_together: dict[int, bytes] = {}
    for numbers, pieces in table.groups():
        for position, number in enumerate(numbers):
            put_together[number] = b"".join(
                piece[position] if isinstance(piece, list) else piece for piece in pieces
            )
    require([put_together[i] for i in range(len(rows))] == rows, "groups and rows differ")
    again = ColumnTable(pack_table([(len(row) % 3, [row[:4], row[4:]]) for row in rows]))
    require([again.row(i) for i in range(len(again))] == rows, "a table packed anew differs")


def frame_map(data: bytes) -> None:
    """Read a frame map."""
    count = int.from_bytes(data[:4], "little")
    found = attempt(FrameMap.parse, data, count, "f")
    if found is None:
        return
    require(found.pack() == data, "a frame map is not what it was read from")
    frames = [frame for i in range(found.n_instances) for frame in found.frames_of(i)]
    require(sorted(frames) == list(range(count)), "frames are lost or doubled")
    back = found.reordered(range(count)[::-1]).reordered(range(count)[::-1])
    require(back == found, "a frame map does not survive being reordered")


def zstd(data: bytes) -> None:
    """Decompress a section."""
    import zstandard

    found = attempt(decompress, data, "f")
    if found is None:
        return
    stream = zstandard.ZstdDecompressor().decompressobj()
    require(stream.decompress(data) == found, "zstandard says otherwise")
    require(stream.eof and not stream.unused_data, "cut, or followed by more")
    require(attempt(decompress, compress(found), "f") == found, "compressed anew it differs")


def kept(data: bytes) -> None:
    """Read how compressed instances were put together (JSON)."""
    packed = compress(data)
    for count in (1, 2, 3):
        for entry in attempt(parse_kept, packed, count, "f") or ():
            require(entry.element.endswith(b"\xff" * 4), "no encapsulated element", entry)
            require(len(entry.photometric) <= 16, "no photometric interpretation", entry)


TARGETS = (
    Target("container", container, seeds.files, mutate_file, 8192),
    Target("columns", columns, seeds.header_tables, mutate_columns, 4096),
    Target("frame_map", frame_map, seeds.frame_maps, None, 512),
    Target("zstd", zstd, seeds.zstd_frames, None, 2048),
    Target("kept", kept, seeds.kept_encodings, mutate_json, 2048),
)
