"""Slices of ours as files, for programs of others to read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from support.series import Kind, make_series
from support.whole import write_files

import dicube_core
from dicube_core.dicom import DcbStreamingReader

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

HTJ2K = "1.2.840.10008.1.2.4.201"
#: Kinds that every peer reads; small enough to be quick, large enough for five decompositions.
KINDS = {
    kind.name: kind
    for kind in (
        Kind("u16_stored_12", stored=12, rows=70, columns=65),
        Kind("u16_stored_16", stored=16, rows=70, columns=65),
        Kind("i16_stored_12", stored=12, signed=True, rows=70, columns=65),
        Kind("i16_stored_16", stored=16, signed=True, rows=70, columns=65),
        Kind("u16_stored_10", stored=10, rows=64, columns=128),
        Kind("u8_stored_8", 8, 8, rows=70, columns=65),
        Kind("u16_mono1", stored=12, rows=70, columns=65, photometric="MONOCHROME1"),
    )
}


def streamed(
    folder: Path, kind: Kind, *, plain: bool = False, edit: Callable[..., None] | None = None
) -> tuple[Path, list[Path]]:
    """Convert a series; return the file, and its slices as files in the order of the frames."""
    source = write_files(folder / "source", make_series(5, kind, edit))
    dicube_core.convert(source, folder / "x.dcbs")
    slices = folder / "slices"
    slices.mkdir()
    paths = []
    with DcbStreamingReader(folder / "x.dcbs") as stream:
        for index in range(stream.get_frame_count()):
            path = slices / f"{index:04d}.dcm"
            path.write_bytes(stream.get_dicom_for_frame(index, plain))
            paths.append(path)
    return folder / "x.dcbs", paths
