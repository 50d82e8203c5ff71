"""Metadata as a table for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from dicube_core.metadata.meta import DicomMeta

__all__ = ["meta_tables", "plain_table", "shown", "tag_keyword"]

_WIDTH = 60


def tag_keyword(tag: int) -> str:
    """Return the keyword of a tag, empty if it has none."""
    from pydicom.datadict import keyword_for_tag

    return keyword_for_tag(tag)


def shown(value: Any) -> str:
    """Return a value of the DICOM JSON model as short text."""
    if value is None:
        return ""
    if isinstance(value, list):
        text = "\\".join(shown(item) for item in value)
    elif isinstance(value, dict):
        text = "=".join(str(part) for part in value.values())
    else:
        text = str(value)
    text = " ".join(text.split())
    return text if len(text) <= _WIDTH else text[: _WIDTH - 3] + "..."


def plain_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return rows in aligned columns."""
    lines = [list(header), *(list(row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def meta_tables(meta: DicomMeta, *, show_shared: bool, show_varying: bool) -> str:
    """Return the tables of shared and of varying values, sequences left out."""
    tags = [int(key, 16) for key in meta.keys() if meta.get_vr(key) != "SQ"]  # noqa: SIM118 - not a mapping
    names = {tag: f"({tag >> 16:04X},{tag & 0xFFFF:04X})" for tag in tags}
    shared = [tag for tag in tags if meta.is_shared(tag)]
    varying = [tag for tag in tags if not meta.is_shared(tag)]
    parts = []
    if show_shared:
        rows = [[names[t], tag_keyword(t), shown(meta.get_shared_value(t))] for t in shared]
        parts += ["Shared Metadata:", plain_table(["Tag", "Name", "Value"], rows), ""]
    if show_varying:
        files = meta.filenames or [f"Dataset_{i}" for i in range(meta.slice_count)]
        columns = [[tag_keyword(t), *map(shown, meta.get_values(t))] for t in varying]
        rows = [list(row) for row in zip(["Name", *files], *columns, strict=True)]
        header = ["Tag", *(names[t] for t in varying)]
        parts += ["Non-Shared Metadata:", plain_table(header, rows), ""]
    return "\n".join(parts)
