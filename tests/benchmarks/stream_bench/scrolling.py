"""Scroll through a series of uncompressed slices: with the cache, and without."""

from __future__ import annotations

import random
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from core_bench.outcome import single_row
from core_bench.timing import Comparison, Race

from dicube_core.settings import get_num_threads
from dicube_core.streaming import DcbStreamingReader

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from core_bench.fixtures import Fixture
    from core_bench.outcome import Row

__all__ = ["ThreadGrowthError", "time_scrolling"]

_REQUESTS = 60
_THREADS = 8
#: "No slower than uncached", and the noise of two runs of the same.
_GOAL = 1.05
#: Seconds that a thread may take to end on a busy machine.
_ENDING = 5.0


class ThreadGrowthError(Exception):
    """More threads than the reader may have, or threads that stay after it was closed."""


@dataclass
class _Scroll:
    """One way to scroll: the requests of each thread, on a new reader every time."""

    path: Path
    orders: Sequence[Sequence[int]]
    cache_size: int
    latencies: list[float] = field(default_factory=list)

    def run(self) -> float:
        """Return the seconds until all threads have all their slices."""
        before = threading.active_count()
        with DcbStreamingReader(self.path, cache_size=self.cache_size) as stream:
            threads = [
                threading.Thread(target=self._work, args=(stream, order)) for order in self.orders
            ]
            start = time.perf_counter()
            for thread in threads:
                thread.start()
            while any(thread.is_alive() for thread in threads):
                # Each thread is looked at once a while, without taking the processor from them.
                next(thread for thread in threads if thread.is_alive()).join(0.01)
                self._check(before + len(threads) + min(4, get_num_threads()))
            elapsed = time.perf_counter() - start
        self._check(before)
        return elapsed

    def _work(self, stream: DcbStreamingReader, order: Sequence[int]) -> None:
        for index in order:
            start = time.perf_counter()
            stream.get_dicom_for_frame(index, force_uncompressed=True)
            self.latencies.append(time.perf_counter() - start)

    @staticmethod
    def _check(allowed: int) -> None:
        # One that ends may still be there when the next one has begun.
        deadline = time.perf_counter() + _ENDING
        while (found := threading.active_count()) > allowed:
            if time.perf_counter() > deadline:
                raise ThreadGrowthError(f"{found} threads, {allowed} are allowed")
            time.sleep(0.001)

    def p99(self) -> float:
        """Return the milliseconds in which 99 of 100 slices came."""
        return 1e3 * sorted(self.latencies)[int(0.99 * len(self.latencies))]


def _orders(count: int) -> dict[str, list[list[int]]]:
    rng = random.Random(7)
    forwards = [index % count for index in range(_REQUESTS)]
    shuffled = [rng.choices(range(count), k=_REQUESTS) for _ in range(_THREADS)]
    mixed = [(forwards, forwards[::-1], order)[n % 3] for n, order in enumerate(shuffled)]
    return {
        "forwards": [forwards],
        "backwards": [forwards[::-1]],
        "random": [shuffled[0]],
        f"{_THREADS} threads": mixed,
    }


def time_scrolling(fixture: Fixture, rounds: int) -> list[Row]:
    """Return a row of times and a row of 99th percentiles for each way to scroll.

    Raises
    ------
    ThreadGrowthError
        Says how many threads there were.
    """
    series, rows = fixture.source.name, []
    for name, orders in _orders(len(fixture.source.files())).items():
        race = Race(series)
        cached, uncached = (_Scroll(fixture.ours, orders, size) for size in (50, 0))
        race.add_timed("cached", cached.run)
        race.add_timed("uncached", uncached.run)
        race.run(rounds)
        task = f"scroll {_REQUESTS}, {name}"
        rows.append(race.row(Comparison(task, "cached", "uncached", "uncached", _GOAL)))
        p99 = cached.p99(), uncached.p99()
        rows.append(single_row(series, f"{task}: p99", "uncached", *p99, goal=None, unit="ms"))
    return rows
