"""Trees of small series, and what is in the files made of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from support.raw import Node, text
from support.series import CT, ROOT, Kind, make_series, put
from support.whole import read_files, write_files

import dicube_core
from dicube_core.streaming import DcbStreamingReader

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from support.series import Edit

__all__ = ["both", "facts", "file_bytes", "originals", "series_files", "tree_of"]

BIG = Kind("big", rows=160, columns=160)


def facts(
    number: object = 1,
    description: str = "Abdomen",
    *,
    study: str = f"{ROOT}.9",
    image_type: str = "ORIGINAL\\PRIMARY\\AXIAL",
    charset: str = "ascii",
) -> Edit:
    """Return an edit that names the series."""
    return put(
        text(0x00080008, "CS", image_type),
        text(0x0008103E, "LO", description, charset),
        text(0x0020000D, "UI", study),
        text(0x00200011, "IS", str(number)),
    )


def both(*edits: Edit) -> Edit:
    """Return several edits as one."""

    def edit(index: int, nodes: dict[int, Node]) -> None:
        for one in edits:
            one(index, nodes)

    return edit


def series_files(folder: str, series: str, edit: Edit, *, count: int = 3, kind: Kind = CT) -> dict:
    """Return the files of a series below a folder of the tree."""
    files = make_series(count, kind, edit, series=series)
    return {f"{folder}/{name}" if folder else name: data for name, data in files.items()}


def tree_of(root: Path, *groups: dict[str, bytes]) -> Path:
    """Write a tree."""
    for files in groups:
        write_files(root, files)
    return root


def originals(path: Path) -> dict[str, bytes]:
    """Return the source files that a file gives back, by name."""
    with dicube_core.Reader(path) as reader:
        names = [header.name for header in reader.headers]
    with DcbStreamingReader(path) as stream:
        return {
            name: stream.get_dicom_for_frame(i, force_uncompressed=True)
            for i, name in enumerate(names)
        }


def file_bytes(folder: Path) -> dict[str, bytes]:
    """Return all files of a folder of results, temporary ones too."""
    return read_files(folder)


def accounted(report: dicube_core.TreeReport) -> list[str]:
    """Return every path that a report tells of, as often as it does."""
    paths: list[str] = [path for path, _ in report.left_out]
    for row in report.rows:
        paths += row.sources
        paths += (copy for copy, _ in row.copies)
    return sorted(paths)


def names_of(rows: Iterable[dicube_core.TreeRow]) -> list[str]:
    """Return the names of the files of some rows."""
    return [row.file for row in rows]
