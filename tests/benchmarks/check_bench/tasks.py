"""The comparisons: checks of a frame to decoding it, opening and saving with and without checks."""

from __future__ import annotations

import tracemalloc
from functools import partial
from typing import TYPE_CHECKING, Any

import imagecodecs
import numpy as np
from core_bench.equality import UnequalError
from core_bench.outcome import Row
from core_bench.timing import Comparison, Race
from support.series import Kind, make_series

import dicube_core
from check_bench.unchecked import without_checks
from dicube_core.checksum import crc32
from dicube_core.codec import check, parse

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from dicube_core.reader import Reader

__all__ = ["file_of", "measure_opening", "measure_reading", "measure_saving"]

#: Share of decoding a frame that its checks may take, and what opening may take of without.
READ_GOAL, OPEN_GOAL = 0.03, 1.5
#: Frames below this side are shown without a goal: they decode in less time than a call takes.
_LEAST = 256


def ct_like(size: int, index: int) -> np.ndarray[Any, Any]:
    """Return a round body with smooth structure and noise, in 12 bits; other for each index."""
    rng = np.random.default_rng(index)
    y, x = np.mgrid[:size, :size] / size - 0.5
    body = (x**2 + y**2 < 0.18) * (900 + 250 * np.sin(9 * x + index / 3) * np.cos(7 * y))
    return np.clip(body + rng.normal(0, 12, body.shape) + 60, 0, 4095).astype("uint16")


def file_of(folder: Path, size: int, count: int) -> Path:
    """Write a file of CT-like frames, with DICOM headers like those of a scanner."""
    path = folder / f"{size}x{count}.dcbs"
    kind = _CtKind("ct", rows=size, columns=size)
    dicube_core.convert(list(make_series(count, kind).values()), path, verify=False)
    return path


class _CtKind(Kind):
    def frame(self, index: int) -> np.ndarray[Any, Any]:
        return ct_like(self.rows, index)


def measure_reading(name: str, path: Path, rounds: int) -> list[Row]:
    """Compare CRC and structure of a frame with the bare decoder."""
    with dicube_core.open(path) as reader:
        codestream, pixel_format = reader.codestream(0), reader.pixel_format
        out = np.empty(pixel_format.shape, pixel_format.dtype)
        bare = partial(imagecodecs.htj2k_decode, codestream, out=out)
        if not np.array_equal(bare(), reader.frame(0)):
            raise UnequalError(f"{name}: the bare decoder gives other values")

        def checks() -> None:
            crc32(codestream)
            check(parse(codestream), pixel_format)

        race = Race(name)
        race.add("crc", lambda: crc32(codestream))
        race.add("structure", lambda: check(parse(codestream), pixel_format))
        race.add("checks", checks)
        race.add("decode", bare)
        race.run(rounds)
        goal = READ_GOAL if min(pixel_format.shape[:2]) >= _LEAST else None
        return [
            race.row(Comparison(f"read: {what}", what, "decode", "decoding", limit))
            for what, limit in (("crc", None), ("structure", None), ("checks", goal))
        ]


def measure_opening(name: str, path: Path, rounds: int) -> list[Row]:
    """Compare opening a file with opening it unchecked, in time and in peak memory."""

    def unchecked() -> None:
        with without_checks(), dicube_core.open(path):
            pass

    def patched_only() -> None:
        with without_checks():
            pass

    def checked() -> None:
        # Patching takes longer than opening, so both sides do it.
        with without_checks():
            pass
        with dicube_core.open(path):
            pass

    with dicube_core.open(path) as one:
        whole = _facts(one)
    with without_checks(), dicube_core.open(path) as other:
        if _facts(other) != whole:
            raise UnequalError(f"{name}: opened without checks, the file is another")
    times = _net_times(checked, unchecked, patched_only, rounds)
    peaks = [_peak(checked), _peak(unchecked)]
    return [
        _ratio(name, "open: time", "without checks", times, "ms", 1e3),
        _ratio(name, "open: peak memory", "without checks", [[p] for p in peaks], "KiB", 1 / 1024),
    ]


def _facts(reader: Reader) -> tuple[Any, ...]:
    container = reader.container
    return container.header, container.index, container.pixel_header, container.description


def _net_times(
    checked: Callable[[], None],
    unchecked: Callable[[], None],
    patching: Callable[[], None],
    rounds: int,
) -> list[list[float]]:
    """Return seconds per round of both, less what the patching takes in the same round."""
    race = Race("")
    race.add("checked", checked)
    race.add("unchecked", unchecked)
    race.add("patching", patching)
    race.run(rounds)
    times = race.times
    return [
        [a - b for a, b in zip(times[who], times["patching"], strict=True)]
        for who in ("checked", "unchecked")
    ]


def _peak(work: Callable[[], None]) -> float:
    tracemalloc.start()
    try:
        work()
        return float(tracemalloc.get_traced_memory()[1])
    finally:
        tracemalloc.stop()


def _ratio(
    name: str, task: str, against: str, samples: list[list[float]], unit: str, scale: float
) -> Row:
    ratios = sorted(a / b for a, b in zip(*samples, strict=True))
    middle = len(ratios) // 2
    ours, other = (sorted(sample)[middle] * scale for sample in samples)
    figures = {"ours": samples[0], "other": samples[1]}
    return Row(
        name,
        task,
        against,
        ratios[middle],
        ratios[0],
        ratios[-1],
        OPEN_GOAL,
        ours,
        other,
        unit,
        len(ratios),
        len(ratios),
        figures,
    )


def measure_saving(name: str, path: Path, rounds: int, folder: Path) -> list[Row]:
    """Compare saving with and without decoding every frame again."""
    image = dicube_core.load(path)
    targets = [folder / "verified.dcbs", folder / "unverified.dcbs"]
    save = [partial(dicube_core.save, image, targets[n], verify=not n) for n in (0, 1)]
    for one in save:
        one()
    if targets[0].read_bytes() != targets[1].read_bytes():
        raise UnequalError(f"{name}: saved unverified, the file is another")
    race = Race(name)
    race.add("verified", save[0])
    race.add("unverified", save[1])
    race.run(rounds)
    return [race.row(Comparison("save: verified", "verified", "unverified", "unverified"))]
