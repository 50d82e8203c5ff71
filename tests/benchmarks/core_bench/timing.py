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

__all__ = ["Comparison", "Machine", "Race"]

#: Samples of less seconds are repeated, and divided by the number of repeats.
_SHORTEST = 0.03
#: Share of the machine that others may use in a round that counts as quiet.
_QUIET = 0.10
#: Seconds to wait before a round for others to finish, over all rounds of a race.
_PATIENCE = 60.0
_STAT = Path("/proc/stat")


class Machine:
    """Says how busy other processes kept the processors since it was made."""

    def __init__(self) -> None:
        self._clock, self._own, self._busy = time.perf_counter(), _own_cpu(), _busy_cpu()

    def was_quiet(self) -> bool:
        """Return whether others used less than a tenth; True where the system does not say."""
        elapsed = time.perf_counter() - self._clock
        others = (_busy_cpu() - self._busy) - (_own_cpu() - self._own)
        return others <= _QUIET * elapsed * (os.cpu_count() or 1)

    @staticmethod
    def wait_for_quiet(deadline: float) -> None:
        """Return when others let go, or at a time of `time.perf_counter`."""
        while time.perf_counter() < deadline:
            machine = Machine()
            time.sleep(0.2)
            if machine.was_quiet():
                return


def _own_cpu() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def _busy_cpu() -> float:
    """Return the seconds all processors were busy since the start, 0 where nobody says."""
    try:
        fields = _STAT.read_text().split("\n", 1)[0].split()[1:]
    except OSError:
        return 0.0
    user, nice, system, _idle, _iowait, irq, softirq, *rest = map(int, fields)
    total = user + nice + system + irq + softirq + (rest[0] if rest else 0)
    return total / os.sysconf("SC_CLK_TCK")


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
        self._contestants: dict[str, Callable[[], float]] = {}
        self._self_timed: set[str] = set()
        self._times: dict[str, list[float]] = {}
        self._quiet: list[int] = []

    def add(
        self, name: str, run: Callable[[], object], prepare: Callable[[], object] | None = None
    ) -> None:
        """Enter a contestant; `prepare` is called before each run and not timed."""
        self._contestants[name] = lambda: _timed(run, prepare)

    def add_timed(self, name: str, run: Callable[[], float]) -> None:
        """Enter a contestant that returns its own time in seconds; it is not warmed up."""
        self._contestants[name] = run
        self._self_timed.add(name)

    def run(self, rounds: int) -> None:
        """Warm everything up once, then take the rounds; more of them where many are disturbed."""
        repeats = dict.fromkeys(self._contestants, 1)
        for name in repeats.keys() - self._self_timed:
            self._contestants[name]()
            repeats[name] = max(1, ceil(_SHORTEST / max(1e-6, self._contestants[name]())))
        self._times = {name: [] for name in self._contestants}
        names = list(self._contestants)
        patient = rounds >= 3
        deadline = time.perf_counter() + (_PATIENCE if patient else 0)
        taken = 0
        while taken < (3 * rounds if patient else rounds) and len(self._quiet) < rounds:
            Machine.wait_for_quiet(deadline)
            machine, turn = Machine(), taken % len(names)
            for name in names[turn:] + names[:turn]:
                self._times[name].append(self._sample(name, repeats[name]))
            if machine.was_quiet():
                self._quiet.append(taken)
            taken += 1

    def _sample(self, name: str, repeats: int) -> float:
        # What the one before left behind is not for this one to clear away.
        gc.collect()
        return sum(self._contestants[name]() for _ in range(repeats)) / repeats

    @property
    def times(self) -> dict[str, list[float]]:
        """Seconds of each contestant, round by round."""
        return self._times

    def row(self, comparison: Comparison) -> Row:
        """Make a row of two contestants; without figures where one is not installed."""
        c = comparison
        if c.ours not in self._times or c.other not in self._times:
            return not_installed(self._series, c.task, c.against, c.goal)
        ours, other = self._times[c.ours], self._times[c.other]
        return ratio_row(
            self._series, c.task, c.against, ours, other, quiet=self._quiet, goal=c.goal
        )


def _timed(run: Callable[[], object], prepare: Callable[[], object] | None) -> float:
    if prepare is not None:
        prepare()
    start = time.perf_counter()
    result = run()
    stop = time.perf_counter()
    del result  # freeing it is not part of the task
    return stop - start
