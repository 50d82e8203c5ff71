"""Start the processes under load, look at them every second, and judge the curves."""

from __future__ import annotations

import multiprocessing
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from reliability.soak.sampling import Sample, Trend, sample_process, trend_of
from reliability.soak.subjects import make_subjects
from reliability.soak.workers import Plan, work_process

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["CURVES", "SoakResult", "run_soak"]

#: Curve -> the least rise over the whole time that is said to be growth.
CURVES = {"rss": 8.0, "threads": 1.5, "descriptors": 1.5, "blocks": 4000.0}


@dataclass(slots=True)
class SoakResult:
    """What came of it.

    Parameters
    ----------
    minutes : float
        How long the processes worked.
    operations : int
        Operations done and compared.
    children : int
        Of these, done in child processes.
    failures : list of str
        Texts of all that was not as it must be.
    samples : list of list of Sample
        For each process.
    trends : list of dict
        For each process: curve -> trend.
    """

    minutes: float
    operations: int
    children: int
    failures: list[str]
    samples: list[list[Sample]]
    trends: list[dict[str, Trend]] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether nothing failed and nothing grows."""
        growing = any(trend.growing for trends in self.trends for trend in trends.values())
        return not self.failures and not growing


def run_soak(
    folder: Path,
    *,
    minutes: float,
    threads: int,
    processes: int,
    children: bool = True,
    size: int = 256,
    count: int = 60,
    period: float = 1.0,
    progress: Callable[[str], None] | None = None,
) -> SoakResult:
    """Work for some minutes.

    Parameters
    ----------
    folder : Path
        Where files are made.
    minutes : float
        How long.
    threads, processes : int
        Threads of each process, and processes.
    children : bool
        Whether each process also makes children: forked, spawned and by a fork server.
    size, count : int
        Of the largest series.
    period : float
        Seconds between two samples.
    progress : callable, optional
        Called with a line of text now and then.
    """
    subjects = tuple(make_subjects(folder / "files", size=size, count=count))
    context = multiprocessing.get_context("spawn")
    stop, failures = context.Event(), context.SimpleQueue()
    load = _Load(stop, failures, progress)
    for number in range(processes):
        plan = Plan(subjects, str(folder / f"work{number}"), threads, number + 1, children)
        counts, blocks = context.Array("Q", threads + 1), context.Value("Q", 0)
        arguments = (plan, stop, counts, blocks, failures)
        process = context.Process(target=work_process, args=arguments)
        process.start()
        load.works.append((process, counts, blocks))
        load.samples.append([])
    begin = time.monotonic()
    try:
        while (now := time.monotonic() - begin) < 60 * minutes:
            load.look(now)
            time.sleep(max(0.0, period - (time.monotonic() - begin - now)))
    finally:
        load.end()
    in_children = sum(counts[threads] for _, counts, _ in load.works)
    result = SoakResult(minutes, load.done(), in_children, load.found, load.samples)
    result.trends = [_trends(own, minutes) for own in load.samples]
    return result


@dataclass(slots=True)
class _Load:
    """The processes at work, and what was seen of them."""

    stop: Any
    failures: Any
    progress: Callable[[str], None] | None
    works: list[tuple[Any, Any, Any]] = field(default_factory=list)
    samples: list[list[Sample]] = field(default_factory=list)
    found: list[str] = field(default_factory=list)
    told: float = 0.0

    def done(self) -> int:
        return sum(sum(counts) for _, counts, _ in self.works)

    def _collect(self) -> None:
        while not self.failures.empty():
            self.found.append(self.failures.get())
            if self.progress is not None:
                self.progress(self.found[-1])

    def look(self, now: float) -> None:
        for (process, counts, blocks), own in zip(self.works, self.samples, strict=True):
            sample = sample_process(process.pid, now, sum(counts), blocks.value)
            if sample is not None:
                own.append(sample)
        self._collect()
        if self.progress is not None and now - self.told >= 30:
            self.told = now
            self.progress(f"{now:5.0f} s: {self.done()} operations, {len(self.found)} failures")

    def end(self) -> None:
        self.stop.set()
        for process, _, _ in self.works:
            process.join(600)
            if process.exitcode is None:
                self.found.append("a process hangs")
                process.kill()
            elif process.exitcode:
                self.found.append(f"a process ended with {process.exitcode}")
        self._collect()


def _trends(samples: list[Sample], minutes: float) -> dict[str, Trend]:
    """Judge the curves behind the warm-up: the first fifth, at most a minute and a half."""
    start = min(12 * minutes, 90)
    late = [s for s in samples if s.seconds >= start and s.blocks]
    if len(late) < 8:
        return {}
    seconds = [s.seconds for s in late]
    return {
        name: trend_of(seconds, [getattr(s, name) for s in late], least)
        for name, least in CURVES.items()
    }
