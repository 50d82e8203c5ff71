"""Worker processes side by side, each of which may die without the others.

`concurrent.futures.ProcessPoolExecutor` gives up on everything when one of its processes dies.
Here each process is a pool of its own, driven by a thread: when it dies, it is known what it was
working on, that is reported, and the next task gets a new process.
"""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import threading
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import TYPE_CHECKING, Generic, Self, TypeVar

from dicube_core.exceptions import WorkersError
from dicube_core.settings import get_num_threads, limits_as_dict
from dicube_core.trees import _worker
from dicube_core.trees.workers import WorkerDiedError, in_this_process

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

__all__ = ["Lanes"]

T = TypeVar("T")
R = TypeVar("R")
#: Seconds between two looks at how far the workers are.
_TICK = 0.1
#: Seconds that interrupted workers get to clean up before they are killed.
_PATIENCE = 15.0


class Lanes:
    """A number of worker processes, or this process alone where the number is 1.

    `Workers` of this machine. Leaving it by an error interrupts the processes, waits until they
    have cleaned up, and ends them.

    Parameters
    ----------
    jobs : int
        How many.
    """

    #: A path is the same to all, and what died is told at once.
    remote = False
    #: Files that a worker reads the headers of in one go.
    batch = 128

    def __init__(self, jobs: int) -> None:
        self.jobs = jobs
        self._lanes = [_Lane() for _ in range(jobs)] if jobs > 1 else []
        self._stopped = threading.Event()
        self._threads: list[threading.Thread] = []

    def map(
        self,
        function: Callable[[T], R],
        tasks: Sequence[T],
        tick: Callable[[int], None] | None = None,
        *,
        here: bool = False,
    ) -> Iterator[tuple[T, R | Exception]]:
        """Run tasks, and yield each with its result or error as it is done; see `Workers`."""
        if here or not self._lanes or len(tasks) < 2:
            yield from in_this_process(function, tasks, tick)
            return
        shared = _Shared(function, tasks, self._stopped, len(self._lanes))
        lanes = self._lanes[: len(tasks)]
        threads = self._start(shared.drive, lanes)
        running = len(lanes)
        while running:
            try:
                done = shared.results.get(timeout=_TICK)
            except queue.Empty:
                pass
            else:
                if done is None:
                    running -= 1
                elif isinstance(done[1], WorkersError):
                    raise done[1]
                else:
                    yield done[0], _result(done[1])
            if tick is not None:
                tick(sum(lane.counter.value for lane in lanes))
        for thread in threads:
            thread.join()

    def reach(self, root: Path, out: Path | None, sample: Path | None) -> None:
        """Do nothing: it is this machine's folders that are meant."""

    def warm(self) -> None:
        """Start the processes in the background, and have them import what conversion needs."""
        self._start(_warm, self._lanes)

    def _start(
        self, drive: Callable[[_Lane], None], lanes: Sequence[_Lane]
    ) -> list[threading.Thread]:
        threads = [
            threading.Thread(target=drive, args=(lane,), name="dicube-lane") for lane in lanes
        ]
        self._threads = [thread for thread in self._threads if thread.is_alive()] + threads
        for thread in threads:
            thread.start()
        return threads

    def __enter__(self) -> Self:
        if self._lanes and os.name == "posix":
            # Starting it later would unblock the interrupts that `_Shared.drive` blocks.
            from multiprocessing.resource_tracker import ensure_running

            ensure_running()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            self._leave(interrupt=kind is not None)
        except BaseException:  # an interrupt while waiting
            self._leave(interrupt=True)
            raise

    def _leave(self, *, interrupt: bool) -> None:
        self._stopped.set()
        if interrupt:
            for lane in self._lanes:
                lane.interrupt()
            self._join(_PATIENCE)
            for lane in self._lanes:
                lane.kill()
        self._join(None)
        for lane in self._lanes:
            lane.close()

    def _join(self, seconds: float | None) -> None:
        for thread in self._threads:
            if thread.is_alive():  # an interrupt may have come before it was started
                thread.join(seconds)


def _result(result: R | BaseException) -> R | Exception:
    """Pass on what a task returned or raised; interrupts are not for it alone."""
    if isinstance(result, BaseException) and not isinstance(result, Exception):
        raise result
    return result


class _Lane:
    """One worker process at a time, begun anew when it died."""

    def __init__(self) -> None:
        from multiprocessing import get_context

        self._context = get_context("spawn")
        self.counter = self._context.RawValue("q", 0)
        self._pool: ProcessPoolExecutor | None = None
        self._process = 0
        self._working = False
        self._interrupted = False
        self._lock = threading.Lock()

    def call(self, function: Callable[[T], R], task: T, threads: int) -> R | BaseException:
        """Run one task; errors are returned. One at a time: another caller has to wait."""
        with self._lock:
            return self._call(function, task, threads)

    def _call(self, function: Callable[[T], R], task: T, threads: int) -> R | BaseException:
        self._working = True
        try:
            pool = self._open()
            if self._interrupted:  # when there was no process yet that could be told
                return KeyboardInterrupt()
            limits = limits_as_dict()
            return pool.submit(_worker.invoke, function, task, threads, limits).result()
        except BrokenProcessPool:
            self.close()
            return WorkerDiedError(
                "the process that worked on it died",
                suggestion="the system may have ended it for lack of memory; use fewer --jobs",
            )
        except BaseException as exc:  # noqa: BLE001 - handed to the thread that waits for it
            return exc
        finally:
            self._working = False
            self.counter.value = 0

    def _open(self) -> ProcessPoolExecutor:
        if self._pool is None:
            self._pool = ProcessPoolExecutor(
                1, mp_context=self._context, initializer=_worker.start, initargs=(self.counter,)
            )
            try:
                self._process = self._pool.submit(_worker.process_id).result()
            except (RuntimeError, OSError) as exc:  # it ended, or multiprocessing refused
                self.close()
                raise WorkersError(
                    "no worker process can be started",
                    suggestion='call it below `if __name__ == "__main__":`, or with jobs=1',
                ) from exc
        return self._pool

    def interrupt(self) -> None:
        """Interrupt the task under way, and begin no other."""
        self._interrupted = True
        self._signal(signal.SIGINT)

    def kill(self) -> None:
        """End a process that would not be interrupted."""
        if self._working:
            self._signal(getattr(signal, "SIGKILL", signal.SIGTERM))

    def _signal(self, number: int) -> None:
        if self._process:
            with contextlib.suppress(OSError):
                os.kill(self._process, number)

    def close(self) -> None:
        """End the process when it is done."""
        pool, self._pool, self._process = self._pool, None, 0
        if pool is not None:
            pool.shutdown(wait=True, cancel_futures=True)


def _block_interrupts() -> None:
    """Keep interrupts from the processes that this thread starts.

    Until a process is ready, an interrupt would only make it print a traceback.
    """
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})


def _warm(lane: _Lane) -> None:
    _block_interrupts()
    # An error is not lost: the first task will meet it again.
    lane.call(_worker.prepare, None, 1)


class _Shared(Generic[T, R]):
    """Tasks that several lanes draw from, and where their results go."""

    def __init__(
        self,
        function: Callable[[T], R],
        tasks: Sequence[T],
        stopped: threading.Event,
        lanes: int,
    ) -> None:
        self._function, self._tasks, self._stopped = function, tasks, stopped
        self._lanes, self._next, self._active = lanes, 0, 0
        self._lock = threading.Lock()
        self.results: queue.SimpleQueue[tuple[T, R | BaseException] | None] = queue.SimpleQueue()

    def drive(self, lane: _Lane) -> None:
        """Give tasks to one lane until there are none; runs on a thread of its own."""
        _block_interrupts()
        while not self._stopped.is_set() and (drawn := self._draw()) is not None:
            task, threads = drawn
            result = lane.call(self._function, task, threads)
            with self._lock:
                self._active -= 1
            self.results.put((task, result))
            if isinstance(result, WorkersError):
                break
        self.results.put(None)

    def _draw(self) -> tuple[T, int] | None:
        """Return the next task, and its share of the processors."""
        with self._lock:
            if self._next >= len(self._tasks):
                return None
            task = self._tasks[self._next]
            self._next += 1
            self._active += 1
            left = len(self._tasks) - self._next
            together = min(self._lanes, self._active + left)
            return task, max(1, get_num_threads() // together)
