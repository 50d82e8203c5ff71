"""Tasks in flight: a window of them at the scheduler, results as they come, and what went wrong."""

from __future__ import annotations

import contextlib
import queue
import time
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from distributed import KilledWorker

from dicube_core.exceptions import WorkersError
from dicube_plugins.dask._cluster import within
from dicube_plugins.dask._remote import Raised, StoppedError, call, stop

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from distributed import Client
    from distributed.client import Future

    from dicube_plugins.dask._remote import Run

__all__ = ["Flight", "KilledWorker"]

T = TypeVar("T")
R = TypeVar("R")
#: Seconds between two looks at how far the tasks are, and at whether there are workers.
_TICK, _WATCH = 0.2, 2.0
#: Seconds to wait for the scheduler, for a result that is there, and for tasks to stop.
_ANSWER, _FETCH, _STOP = 10.0, 20.0, 25.0
#: Results that are fetched in one go.
_TOGETHER = 256
#: Tasks at the scheduler for each thread of a worker: one more than run, so that none waits.
_AHEAD = 2


class Flight(Generic[T, R]):
    """The tasks of one call, of which a few for each worker are known to the scheduler.

    So a scheduler never holds a million of them, and those of others have their turn.

    Parameters
    ----------
    client : Client
        Connected.
    run : Run
        Sent along with each task.
    jobs : int or None
        Most tasks at the same time; by default as many as there are threads.
    patience : float
        Seconds without any worker, or without the scheduler, after which it gives up.
    """

    def __init__(self, client: Client, run: Run, jobs: int | None, patience: float) -> None:
        self._client, self._run, self._jobs, self._patience = client, run, jobs, patience
        self._flying: dict[str, tuple[Future[R | Raised], int]] = {}
        self._done: queue.SimpleQueue[Future[R | Raised]] = queue.SimpleQueue()
        self._progress: dict[int, int] = {}
        self._trips = 0
        self._seen = self._watched = time.monotonic()
        self.threads = 0
        try:
            self.threads = sum(within(_ANSWER, client.nthreads).values())
        except Exception as exc:
            raise self._lost() from exc

    def results(
        self,
        function: Callable[[T], R],
        tasks: Sequence[T],
        tick: Callable[[int], None] | None,
    ) -> Iterator[tuple[T, R | Exception]]:
        """Yield each task with its result or error.

        Raises
        ------
        WorkersError
            The scheduler is lost, or all workers, or one does not fit.
        """
        waiting = iter(range(len(tasks)))
        while True:
            while len(self._flying) < self._window:
                number = next(waiting, None)
                if number is None:
                    break
                self._submit(function, tasks[number], number)
            if not self._flying:
                return
            futures = self._landing()
            fetched = self._fetch(futures)
            for future in futures:
                landed = self._land(future, fetched)
                if landed is not None:
                    number, result = landed
                    yield tasks[number], result
            self._watch()
            if tick is not None:
                tick(sum(self._progress.get(n, 0) for _, n in list(self._flying.values())))

    @property
    def _window(self) -> int:
        ahead = _AHEAD * max(1, self.threads)
        return int(ahead if self._jobs is None else min(ahead, self._jobs))

    def _submit(self, function: Callable[[T], R], task: T, number: int) -> None:
        self._trips += 1
        name = getattr(function, "__name__", "task").strip("_")
        key = f"{name}-{self._run.name}-{self._trips}"
        try:
            future = self._client.submit(
                call, function, task, self._run, number, key=key, pure=False, retries=0
            )
        except Exception as exc:
            if self._client.status == "running":
                raise
            raise self._lost() from exc
        self._flying[key] = future, number
        future.add_done_callback(self._done.put)

    def heard(self, event: tuple[float, Any]) -> None:
        """Take note of what a task says of how far it is."""
        number, done = event[1]
        self._progress[number] = done

    def _landing(self) -> list[Future[R | Raised]]:
        """Wait a moment for tasks that are done, and return all of them."""
        futures = []
        with contextlib.suppress(queue.Empty):
            futures.append(self._done.get(timeout=_TICK))
            while len(futures) < _TOGETHER:
                futures.append(self._done.get_nowait())
        return futures

    def _fetch(self, futures: list[Future[R | Raised]]) -> dict[str, R | Raised]:
        """Fetch several results in one go, which takes hardly longer than one; by key."""
        finished = [future for future in futures if future.status == "finished"]
        results: list[R | Raised] = []
        if len(finished) > 1:
            # What cannot be had so is fetched by itself, where it is found out why.
            with contextlib.suppress(Exception):
                results = within(_FETCH, self._client.gather, finished, errors="skip")
        if len(results) != len(finished):
            return {}
        return {future.key: result for future, result in zip(finished, results, strict=True)}

    def _land(
        self, future: Future[R | Raised], fetched: dict[str, R | Raised]
    ) -> tuple[int, R | Exception] | None:
        """Return what became of a task; None where it is under way again."""
        if future.key not in self._flying:
            return None
        whole = future.key in fetched
        result = self._unpacked(fetched[future.key]) if whole else self._result(future)
        if result is None:
            future.add_done_callback(self._done.put)
            return None
        _, number = self._flying.pop(future.key)
        self._progress.pop(number, None)
        return number, result[0]

    def _result(self, future: Future[R | Raised]) -> tuple[R | Exception] | None:
        if future.status == "cancelled":
            raise self._lost()
        if future.status == "error":
            return (self._error(future.exception(timeout=_FETCH)),)
        if future.status != "finished":
            return None  # the worker that had the result died: it is worked out again
        try:
            result: R | Raised = future.result(timeout=_FETCH)
        except TimeoutError:
            return None
        except Exception as exc:
            if future.status == "cancelled" or self._client.status != "running":
                raise self._lost() from exc
            return (exc,)
        return self._unpacked(result)

    def _unpacked(self, result: R | Raised) -> tuple[R | Exception]:
        return (self._error(result.error) if isinstance(result, Raised) else result,)

    def _error(self, error: BaseException) -> Exception:
        if isinstance(error, WorkersError):
            raise error
        if isinstance(error, StoppedError):
            raise WorkersError("somebody else stopped the run") from error
        if type(error).__name__ == "NoValidWorkerError":  # older versions know no such class
            raise self._no_workers() from error
        return error if isinstance(error, Exception) else RuntimeError(repr(error))

    def _watch(self) -> None:
        """Look now and then whether there is anybody who works."""
        now = time.monotonic()
        if now < self._watched + _WATCH:
            return
        try:
            self.threads = sum(within(_ANSWER, self._client.nthreads).values())
        except Exception as exc:
            if self._client.status in ("closing", "closed"):
                raise self._lost() from exc
            if time.monotonic() > self._seen + self._patience:
                raise self._lost() from exc
        else:
            if self.threads:
                self._seen = time.monotonic()
            elif time.monotonic() > self._seen + self._patience:
                raise self._no_workers()
        self._watched = time.monotonic()

    def _lost(self) -> WorkersError:
        return WorkersError(
            "the dask scheduler is lost, or gave up the tasks: it ended, was restarted, or cannot "
            "be reached",
            suggestion="what was done stays; run it again to go on",
        )

    def _no_workers(self) -> WorkersError:
        return WorkersError(
            f"no dask worker is left, for {self._patience:.0f} s now",
            suggestion="start workers, under a nanny so that one that dies is started again; what "
            "was done stays; run it again to go on",
        )

    def stop(self) -> None:
        """Give up all tasks, and wait until those under way have cleaned up."""
        futures = [future for future, _ in self._flying.values()]
        self._flying.clear()
        # Where the scheduler is gone, nothing can be stopped, nor need it be: tasks that go on
        # write whole files.
        if not futures or self._client.status != "running":
            return
        with contextlib.suppress(Exception):
            within(_ANSWER, self._client.cancel, futures)
            within(_STOP, self._client.run, stop, self._run.name, on_error="ignore")
