"""Lower resolutions of all frames, and the pictures made of them, against decoding everything."""

from __future__ import annotations

from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING

import numpy as np
from core_bench.equality import UnequalError
from core_bench.outcome import single_row
from core_bench.timing import Comparison, Race

import dicube_core
from dicube_core.preview.pictures import evenly_spaced

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from core_bench.fixtures import Fixture
    from core_bench.outcome import Row

__all__ = ["check", "time_previews"]

_FULL = "decoding all frames"
_EIGHTH, _BYTES = 1 / 8, 0.5
_TILES = 20
_LEVELS = {"1/4": 2, "1/8": 3}


def time_previews(fixture: Fixture, rounds: int) -> list[Row]:
    """Time previews of a file as it is written by default, and of a progressive one."""
    progressive = fixture.work / f"{fixture.source.name}.progressive.dcbs"
    dicube_core.convert(fixture.source.folder, progressive, progressive=True)
    check(fixture.ours, progressive)
    race = Race(fixture.source.name)
    race.add("full", partial(_frames, fixture.ours, 0))
    comparisons = []
    for path, kind in ((fixture.ours, ""), (progressive, ", progressive file")):
        for size, level in _LEVELS.items():
            task = f"all frames at {size} of the width{kind}"
            race.add(task, partial(_frames, path, level))
            comparisons.append(Comparison(task, task, "full", _FULL, _EIGHTH))
    task = f"frames of a notebook's montage: {_TILES} at 1/4 of the width"
    race.add(task, partial(_montage_frames, fixture.ours))
    comparisons.append(Comparison(task, task, "full", _FULL, _EIGHTH))
    for task, make in _pictures():
        race.add(task, partial(_opened, fixture.ours, make))
        comparisons.append(Comparison(task, task, "full", _FULL))
    race.run(rounds)
    rows = [race.row(comparison) for comparison in comparisons]
    whole, part = _bytes_read(progressive, 0), _bytes_read(progressive, _LEVELS["1/4"])
    task = "bytes read for 1/4 of the width, progressive file"
    return [
        *rows,
        single_row(
            fixture.source.name, task, "all frames", part / 1e3, whole / 1e3, goal=_BYTES, unit="kB"
        ),
    ]


def check(plain: Path, progressive: Path) -> None:
    """Fail unless both files give the same frames at every resolution that is timed."""
    for level in (0, *_LEVELS.values()):
        if not np.array_equal(_frames(plain, level), _frames(progressive, level)):
            raise UnequalError(f"resolution {level} differs between the files")
    small, whole = _frames(plain, 2), _frames(plain, 0)
    # The low-pass filter keeps means, but for what it clips.
    if abs(small.mean() - whole.mean()) > 0.02 * np.ptp(whole):
        raise UnequalError("a lower resolution is of another series")


def _pictures() -> list[tuple[str, Callable[[dicube_core.Reader], object]]]:
    if not find_spec("PIL"):
        return []
    from dicube_core.preview import mime_bundle, montage, planes_picture

    return [
        ("what a notebook shows: 20 tiles, facts, findings", mime_bundle),
        ("dcbs preview: 36 tiles", montage),
        ("dcbs preview --planes", planes_picture),
    ]


def _frames(path: Path, level: int) -> np.ndarray:
    with dicube_core.open(path) as reader:
        return reader.frames(level=level)


def _montage_frames(path: Path) -> np.ndarray:
    with dicube_core.open(path) as reader:
        return reader.frames(evenly_spaced(reader.frame_count, _TILES), level=2)


def _opened(path: Path, make: Callable[[dicube_core.Reader], object]) -> object:
    with dicube_core.open(path) as reader:
        return make(reader)


def _bytes_read(path: Path, level: int) -> int:
    with dicube_core.open(path) as reader:
        source, total = reader.container.source, 0
        read_at = source.read_at

        def counting(offset: int, length: int) -> bytes:
            nonlocal total
            total += length
            return read_at(offset, length)

        source.read_at = counting
        reader.frames(level=level)
    return total
