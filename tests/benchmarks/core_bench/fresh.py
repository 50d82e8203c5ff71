"""The first call in a process, and its peak memory.

Repeated calls in one process find warm memory: what the last one freed is used again without a
page fault. A program that loads one series does not. Each sample is a process of its own.

Memory is VmHWM above what was resident before; ``ru_maxrss`` is inherited through exec.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import dicube_core
from core_bench.outcome import Row, single_row
from core_bench.series import generate
from core_bench.timing import Comparison, Race

if TYPE_CHECKING:
    from core_bench.fixtures import Fixture

__all__ = ["measure_first_calls"]

_CHILD = Path(__file__).with_name("fresh_child.py")
_DICUBE = "dicube 0.3.0"
_PEAKS = (
    # task, case, goal as a share of the volume
    ("peak memory: load", "load", 1.10),
    ("peak memory: pixels only", "pixels", 1.10),
    ("peak memory: bare decoder", "bare_decode", None),
    ("peak memory: load, dicube", "dicube_load", None),
    ("peak memory: folder to file, unverified", "convert_unverified", 0.35),
    ("peak memory: folder to file, verified", "convert", 0.35),
    ("peak memory: bare encoder", "bare_encode", None),
    ("peak memory: folder to file, dicube", "dicube_convert", None),
)


class _Cases:
    """Runs cases in processes, and keeps the peaks."""

    def __init__(self, fixture: Fixture) -> None:
        self._fixture = fixture
        self._tiny = generate(fixture.work / "tiny", 2, 32)
        self._tiny_file = fixture.work / "tiny.dcbs"
        dicube_core.convert(self._tiny, self._tiny_file)
        self.peaks: dict[str, list[int]] = {}

    def run(self, case: str) -> float:
        """Return the seconds of one first call."""
        fixture = self._fixture
        if "convert" in case:
            tiny, source = self._tiny, fixture.source.folder
        else:
            tiny = self._tiny_file
            source = fixture.theirs if case.startswith("dicube") else fixture.ours
        target = fixture.target(f"fresh_{case}")
        arguments = [case, str(fixture.threads), str(tiny), str(source), target]
        command = [sys.executable, str(_CHILD), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"first call of {case}: {done.stderr.strip()}")
        found = json.loads(done.stdout)
        self.peaks.setdefault(case, []).append(found["bytes"])
        return float(found["seconds"])


def measure_first_calls(fixture: Fixture, rounds: int) -> list[Row]:
    """Return rows of first calls against dicube, and of peaks against the size of the volume."""
    if not Path("/proc/self/clear_refs").exists():
        return []  # no VmHWM that can be reset on this platform
    cases, race = _Cases(fixture), Race(fixture.source.name)
    for _, case, _ in _PEAKS:
        if fixture.dicube is not None or not case.startswith("dicube"):
            race.add_timed(case, lambda case=case: cases.run(case))
    race.run(rounds)
    rows = [
        race.row(Comparison("first load", "load", "dicube_load", _DICUBE, 0.80)),
        race.row(Comparison("first load", "load", "bare_decode", "bare decoder")),
        race.row(
            Comparison(
                "first folder to file, unverified", "convert_unverified", "dicube_convert", _DICUBE
            )
        ),
        race.row(
            Comparison("first folder to file, verified", "convert", "dicube_convert", _DICUBE)
        ),
    ]
    return rows + _peak_rows(fixture, cases.peaks)


def _peak_rows(fixture: Fixture, peaks: dict[str, list[int]]) -> list[Row]:
    name, volume = fixture.source.name, fixture.volume.nbytes
    return [
        single_row(
            name, task, "volume", median(peaks[case]) / 1e6, volume / 1e6, goal=goal, unit="MB"
        )
        for task, case, goal in _PEAKS
        if case in peaks
    ]
