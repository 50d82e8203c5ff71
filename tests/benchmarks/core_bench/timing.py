"""Time several ways to do one thing, taking turns, so that a busy moment hits all alike."""

from __future__ import annotations

import gc
import os
import time
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING

from core_bench.outcome import Row, not_installed, ratio_row

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Comparison", "Race"]

#: A sample shorter than this is repeated, and divided by the number of repeats.
_SHORTEST = 0.03
#: Share of the machine that others may use in a round that counts as quiet.
_QUIET = 0.10
_STAT = Path("/proc/stat")


@dataclass(frozen=True, slots=True)
class Comparison:
    """Which two contestants make a row."""

    task: str
    ours: str
    other: str
    against: str
    goal: float | None = None


class Race:
    """Contestants that run in turn, in rotated order, for a number of rounds.

    Parameters
    ----------
    series : str
        Goes into the rows.
    """

    def __init__(self, series: str) -> None:
        self._series = series
        self._contestants: dict[str, Callable[[], object]] = {}
        self._times: dict[str, list[float]] = {}
        self._quiet: list[int] = []

    def add(self, name: str, run: Callable[[], object]) -> None:
        """Enter a contestant; a later one of the same name takes its place."""
        self._contestants[name] = run

    def run(self, rounds: int) -> None:
        """Warm everything up once, then take the rounds; more of them where many are disturbed."""
        repeats = {}
        for name, contestant in self._contestants.items():
            contestant()
            repeats[name] = max(1, ceil(_SHORTEST / max(1e-6, _once(contestant))))
        self._times = {name: [] for name in self._contestants}
        names = list(self._contestants)
        limit = rounds if rounds < 3 else 3 * rounds
        taken = 0
        while taken < limit and len(self._quiet) < rounds:
            turn = taken % len(names)
            clock, own, busy = time.perf_counter(), _own_cpu(), _busy_cpu()
            for name in names[turn:] + names[:turn]:
                self._times[name].append(self._sample(name, repeats[name]))
            elapsed = time.perf_counter() - clock
            others = (_busy_cpu() - busy) - (_own_cpu() - own)
            if others <= _QUIET * elapsed * (os.cpu_count() or 1):
                self._quiet.append(taken)
            taken += 1

    def _sample(self, name: str, repeats: int) -> float:
        contestant = self._contestants[name]
        # What the one before left behind is not for this one to clear away.
        gc.collect()
        return sum(_once(contestant) for _ in range(repeats)) / repeats

    def row(self, comparison: Comparison) -> Row:
        """Make a row of two contestants; of one alone where the other is not installed."""
        c = comparison
        if c.ours not in self._times or c.other not in self._times:
            return not_installed(self._series, c.task, c.against, c.goal)
        ours, other = self._times[c.ours], self._times[c.other]
        return ratio_row(
            self._series, c.task, c.against, ours, other, quiet=self._quiet, goal=c.goal
        )


def _once(contestant: Callable[[], object]) -> float:
    start = time.perf_counter()
    result = contestant()
    stop = time.perf_counter()
    del result  # freeing it is not part of the task
    return stop - start


def _own_cpu() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def _busy_cpu() -> float:
    """Return the seconds all processors were busy since the start, 0 where nobody says."""
    try:
        fields = _STAT.read_text().split("\n", 1)[0].split()[1:]
    except OSError:
        return 0.0
    user, nice, system, _idle, _iowait, irq, softirq, *steal = map(int, fields)
    total = user + nice + system + irq + softirq + (steal[0] if steal else 0)
    return total / os.sysconf("SC_CLK_TCK")
