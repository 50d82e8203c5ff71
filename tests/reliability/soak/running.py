"""Start the processes under load, look at them every second, and judge the curves."""

from __future__ import annotations

import multiprocessing
import os
import time
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from reliability.soak.judging import behind_warm_up, judge
from reliability.soak.sampling import sample_process
from reliability.soak.subjects import make_subjects
from reliability.soak.workers import Plan, work_process

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from reliability.soak.judging import Trend
    from reliability.soak.resting import Rest
    from reliability.soak.sampling import Sample

__all__ = ["Seen", "SoakResult", "run_soak"]

#: With its own settings glibc makes up to eight arenas for each core, and each keeps the most that
#: it ever held. With two, what is resident follows what is in use more closely.
_FEW_ARENAS = {"MALLOC_ARENA_MAX": "2"}


@dataclass(slots=True)
class Seen:
    """What was seen of one process.

    Parameters
    ----------
    label : str
        What is special about it.
    samples : list of Sample
        Under load, about each second.
    rests : list of Rest
        At rest.
    trends : dict
        Curve -> trend.
    """

    label: str
    samples: list[Sample] = field(default_factory=list)
    rests: list[Rest] = field(default_factory=list)
    trends: dict[str, Trend] = field(default_factory=dict)


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
    processes : list of Seen
        For each process.
    """

    minutes: float
    operations: int
    children: int
    failures: list[str]
    processes: list[Seen]

    @property
    def growing(self) -> list[str]:
        """Names of the curves that grow, of all processes."""
        pairs = [(name, trend) for seen in self.processes for name, trend in seen.trends.items()]
        return [name for name, trend in pairs if trend.growing]

    @property
    def ok(self) -> bool:
        """Whether nothing failed and nothing grows."""
        return not self.failures and not self.growing


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
    rest_every: float = 10.0,
    least_rests: int = 0,
    leak: int = 0,
    progress: Callable[[str], None] | None = None,
) -> SoakResult:
    """Work for some minutes.

    Every second process, from the second on, works with few arenas of the allocator.

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
    rest_every : float
        Seconds between two times at rest.
    least_rests : int
        How often each process rests at least behind the warm-up, however long that takes.
    leak : int
        Bytes that each operation leaves behind, to see that it is found out.
    progress : callable, optional
        Called with a line of text now and then.
    """
    subjects = tuple(make_subjects(folder / "files", size=size, count=count))
    context = multiprocessing.get_context("spawn")
    stop, failures = context.Event(), context.SimpleQueue()
    load = _Load(stop, failures, progress)
    for number in range(processes):
        work = str(folder / f"work{number}")
        plan = Plan(subjects, work, threads, number + 1, children, rest_every, leak)
        counts, rests = context.Array("Q", threads + 1), context.SimpleQueue()
        few = number % 2 == 1
        with _environment(_FEW_ARENAS if few else {}):
            process = context.Process(
                target=work_process, args=(plan, stop, counts, rests, failures)
            )
            process.start()
        label = "MALLOC_ARENA_MAX=2" if few else "allocator as it is"
        load.works.append((process, counts, rests))
        load.seen.append(Seen(label))
    try:
        while (now := time.monotonic() - load.begin) < 60 * minutes or load.lacks(least_rests):
            load.look(now)
            time.sleep(max(0.0, period - (time.monotonic() - load.begin - now)))
    finally:
        load.end()
    in_children = sum(counts[threads] for _, counts, _ in load.works)
    for seen in load.seen:
        seen.trends = judge(seen.rests)
    return SoakResult(minutes, load.done(), in_children, load.found, load.seen)


@contextmanager
def _environment(more: dict[str, str]) -> Iterator[None]:
    """Set variables for a process that is started in here."""
    before = dict(os.environ)
    os.environ.update(more)
    try:
        yield
    finally:
        for name in more:
            os.environ.pop(name)
            if name in before:
                os.environ[name] = before[name]


@dataclass(slots=True)
class _Load:
    """The processes at work, and what was seen of them."""

    stop: Any
    failures: Any
    progress: Callable[[str], None] | None
    works: list[tuple[Any, Any, Any]] = field(default_factory=list)
    seen: list[Seen] = field(default_factory=list)
    found: list[str] = field(default_factory=list)
    told: float = 0.0
    begin: float = field(default_factory=time.monotonic)

    def done(self) -> int:
        return sum(sum(counts) for _, counts, _ in self.works)

    def _collect(self) -> None:
        for (_, _, rests), seen in zip(self.works, self.seen, strict=True):
            while not rests.empty():
                rest: Rest = rests.get()
                # One clock for all processes of a machine.
                seen.rests.append(replace(rest, seconds=rest.seconds - self.begin))
        while not self.failures.empty():
            self.found.append(self.failures.get())
            if self.progress is not None:
                self.progress(self.found[-1])

    def lacks(self, rests: int) -> bool:
        alive = all(process.is_alive() for process, _, _ in self.works)
        return alive and any(len(behind_warm_up(seen.rests)) < rests for seen in self.seen)

    def look(self, now: float) -> None:
        for (process, counts, _), seen in zip(self.works, self.seen, strict=True):
            sample = sample_process(process.pid, now, sum(counts))
            if sample is not None:
                seen.samples.append(sample)
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
