"""Series made by code, converted and opened."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from support.whole import write_files

import dicube_core
from dicube_core.streaming import DcbStreamingReader

if TYPE_CHECKING:
    from pathlib import Path


def converted(tmp_path: Path, files: dict[str, bytes], **options: Any) -> Path:
    """Convert a series and return the file."""
    source = write_files(tmp_path / "source", files)
    dicube_core.convert(source, tmp_path / "x.dcbs", **options)
    return tmp_path / "x.dcbs"


def served(path: Path | bytes, syntax: str | None = None, **options: Any) -> list[bytes]:
    """Return all slices in one transfer syntax, none of them from a cache."""
    with DcbStreamingReader(path, cache_size=0, **options) as stream:
        return [
            stream.get_dicom_for_frame(index, transfer_syntax=syntax)
            for index in range(len(stream))
        ]
