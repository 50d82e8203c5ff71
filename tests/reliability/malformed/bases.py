"""Good files of every kind, small, made in memory: what malformed ones are made of."""

from __future__ import annotations

import tempfile
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from support.kind_series import Sort, sort_series
from support.legacy_file import legacy_file
from support.metadata_cases import CASES
from support.multiframe import classic, compressed, enhanced, frames_of, part10
from support.raw import text
from support.series import Kind, make_series
from support.volumes import Frame, Marks, make_volumes, marks

import dicube_core
from reliability.malformed.variant import Base

if TYPE_CHECKING:
    from collections.abc import Iterable

    from support.raw import Node

__all__ = ["bases"]

_JPEG_2000 = "1.2.840.10008.1.2.4.90"
_RLE = "1.2.840.10008.1.2.5"


def _converted(sources: Iterable[bytes], **options: bool) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.dcbs"
        dicube_core.convert(list(sources), path, **options)
        return path.read_bytes()


def _many_at_once(index: int, nodes: dict[int, Node]) -> None:
    """Give slices nested sequences, private blocks and overlays that differ."""
    for name in ("sequence_nested_varying", "overlay_per_slice", "private_blocks_move"):
        CASES[name](index, nodes)


def _grey(count: int = 3, rows: int = 24, columns: int = 20) -> np.ndarray:
    """Return smooth frames, which every codec makes smaller."""
    steps = np.arange(rows * columns).reshape(rows, columns)
    return np.stack([(steps + 7 * index) % 251 for index in range(count)]).astype("u1")


def _j2k_instances() -> list[bytes]:
    frames = _grey(3, 40, 36)
    return [compressed(classic(frames[i : i + 1], instance=i + 1), _JPEG_2000) for i in range(3)]


def _echo(frame: Frame) -> Marks:
    number, time = str(frame.volume + 1), str(10 * (frame.volume + 1))
    return marks(text(0x00180086, "IS", number), text(0x00180081, "DS", time))


@lru_cache(maxsize=1)
def bases() -> dict[str, Base]:
    """Return the bases by name, three frames each; ``volumes`` are two of two.

    ``ours`` is a CT series, ``legacy`` a file of 0.3.0 without checksums; the first two are what
    all rules are tried on, the others those that reach what only they have.
    """
    signed = Kind("signed", stored=16, signed=True, rows=12, columns=10)
    files = {
        "ours": _converted(
            make_series(3, Kind("small", rows=11, columns=9), _many_at_once).values()
        ),
        "legacy": legacy_file(),
        "signed": _converted(make_series(3, signed, CASES["rescale_per_slice"]).values()),
        "progressive": _converted(
            make_series(3, Kind("small", rows=11, columns=9)).values(), progressive=True
        ),
        "multiframe": _converted([part10(enhanced(frames_of(3)))]),
        "volumes": _converted(
            make_volumes(2, 2, _echo, kind=Kind("small", rows=11, columns=9)).values()
        ),
        "colour": _converted(sort_series(Sort("rgb")).values()),
        "real": _converted(
            sort_series(Sort("f32", dtype="float32", photometric="MONOCHROME2")).values()
        ),
        "kept": _converted([compressed(classic(_grey()), _RLE)], keep_encoding=True),
        "kept JPEG 2000": _converted(_j2k_instances(), keep_encoding=True),
    }
    return {name: Base(name, data, name != "legacy") for name, data in files.items()}
