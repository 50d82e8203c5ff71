"""What runs in the process of a dask worker, around each task of ours.

A worker may run several tasks at the same time, each on a thread of its own, and tasks of others
beside them. So what `dicube_core.settings` says of the process is set for as long as ours run.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import pickle
import threading
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from distributed import get_worker

import dicube_core
from dicube_core.exceptions import WorkersError
from dicube_core.settings import get_num_threads, limits_as_dict, set_limits, set_num_threads
from dicube_core.temporaries import FILE_ENDING, temporary_path
from dicube_core.trees.workers import telling

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["Place", "Raised", "Run", "StoppedError", "call", "examine", "portable", "stop"]

T = TypeVar("T")
R = TypeVar("R")
#: Seconds between two messages of a task on how far it is.
_SILENCE = 1.0
#: Seconds that tasks get to clean up in after they were told to stop.
_PATIENCE = 15.0
#: Runs that were stopped, of which tasks may still arrive; the oldest are forgotten.
_REMEMBERED = 256


class StoppedError(Exception):
    """Nobody wants the result any more; no error of the package, since no user meets it."""


@dataclass(frozen=True, slots=True)
class Place:
    """Something that every worker must find as this machine does.

    Parameters
    ----------
    path : str
        Absolute.
    size, modified : int or None
        Of a file, in bytes and nanoseconds; None for a folder.
    writable : bool
        Whether a file must be possible beside it.
    """

    path: str
    size: int | None = None
    modified: int | None = None
    writable: bool = False

    def problem(self) -> str:
        """Say what is wrong with it here; empty where nothing is."""
        try:
            status = Path(self.path).stat()
            if self.size is None:
                return "" if Path(self.path).is_dir() else f"{self.path} is no folder there"
            if (status.st_size, status.st_mtime_ns) != (self.size, self.modified):
                return f"{self.path} is another file there (size or time of change)"
            if self.writable:
                _write_beside(Path(self.path))
        except OSError as exc:
            return f"{exc.filename or self.path}: {exc.strerror or exc}"
        return ""


def _write_beside(path: Path) -> None:
    own = temporary_path(path.with_name("workers"), FILE_ENDING)
    os.close(os.open(own, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    own.unlink()


@dataclass(frozen=True, slots=True)
class Run:
    """What a worker must know of the call that its tasks belong to.

    Parameters
    ----------
    name : str
        Unlike that of any other run.
    version : str
        Of this package, where the run was started.
    threads : int
        Threads that each task uses.
    limits : tuple of (name, value)
        Of `dicube_core.settings`.
    places : tuple of Place
        What must be found here.
    """

    name: str
    version: str
    threads: int
    limits: tuple[tuple[str, float | None], ...]
    places: tuple[Place, ...] = ()


def examine(run: Run) -> str:
    """Say why this worker cannot take part in a run; empty where it can."""
    if dicube_core.__version__ != run.version:
        return f"it has version {dicube_core.__version__} of dicube-plugins, not {run.version}"
    return next(filter(None, (place.problem() for place in run.places)), "")


class _Process:
    """What this worker process knows of runs."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.active: Counter[str] = Counter()
        self.stopped: dict[str, None] = {}
        self.fit: dict[tuple[str, tuple[Place, ...]], str] = {}
        #: What is set for runs now, how many tasks it is set for, and what was set before.
        self.wanted: tuple[int, dict[str, float | None]] | None = None
        self.users = 0
        self.before: tuple[int, dict[str, float | None]] | None = None


_PROCESS = _Process()


@dataclass(frozen=True, slots=True)
class Raised:
    """What a task raised. It goes the way of results.

    A client waits for ever for an error whose traceback cannot be pickled (distributed 2026.8).
    """

    error: Exception


def call(function: Callable[[T], R], task: T, run: Run, number: int) -> R | Raised:
    """Run one task of a run.

    Returns
    -------
    result or Raised
        `WorkersError` where this worker does not fit, `StoppedError` where the run was given up.
    """
    try:
        return _call(function, task, run, number)
    except Exception as exc:  # noqa: BLE001 - told where the task was given
        return Raised(portable(exc))


def portable(error: Exception) -> Exception:
    """Return an error that reaches another process, by what it says if need be."""
    bare = error.with_traceback(None)
    bare.__cause__ = bare.__context__ = None
    try:
        pickle.loads(pickle.dumps(bare))  # noqa: S301 - what was pickled here
    except Exception:  # noqa: BLE001 - whatever its class does there
        return RuntimeError(f"{type(error).__name__}: {error}")
    return bare


def _call(function: Callable[[T], R], task: T, run: Run, number: int) -> R:
    worker = get_worker()
    _require_fit(run, worker.address)
    say = _Teller(worker, run.name, number)
    with _counted(run.name), _settings(run), telling(say):
        try:
            say(0)
            return function(task)
        except KeyboardInterrupt:
            raise StoppedError from None
        except SystemExit as exc:  # it would end the worker
            raise RuntimeError(f"the task wanted to end the process: {exc}") from exc


def _require_fit(run: Run, address: str) -> None:
    """Look at this worker once for each run: it may have come after the run began."""
    key = (run.name, run.places)
    if key not in _PROCESS.fit:
        while len(_PROCESS.fit) >= _REMEMBERED:
            with contextlib.suppress(StopIteration, KeyError):  # another thread did it
                del _PROCESS.fit[next(iter(_PROCESS.fit))]
        _PROCESS.fit[key] = examine(run)
    problem = _PROCESS.fit.get(key)
    if problem:
        raise WorkersError(f"the dask worker {address} does not fit: {problem}")


class _Teller:
    """Tells the client, through the scheduler and not too often, how far a task is."""

    def __init__(self, worker: Any, run: str, number: int) -> None:
        self._worker, self._run, self._number = worker, run, number
        self._next = time.monotonic() + _SILENCE

    def __call__(self, done: int) -> None:
        if self._run in _PROCESS.stopped:
            raise KeyboardInterrupt
        if done and time.monotonic() >= self._next:
            self._next = time.monotonic() + _SILENCE
            self._worker.log_event(self._run, [self._number, done])


@contextmanager
def _counted(name: str) -> Iterator[None]:
    with _PROCESS.changed:
        _PROCESS.active[name] += 1
    try:
        yield
    finally:
        with _PROCESS.changed:
            _PROCESS.active[name] -= 1


@contextmanager
def _settings(run: Run) -> Iterator[None]:
    """Set threads and limits of this process while tasks that want them run.

    Tasks that want others wait. What was set before is set again after the last.
    """
    wanted = (run.threads, dict(run.limits))
    with _PROCESS.changed:
        _PROCESS.changed.wait_for(lambda: not _PROCESS.users or _PROCESS.wanted == wanted)
        if not _PROCESS.users:
            _PROCESS.before = (get_num_threads(), limits_as_dict())
            _PROCESS.wanted = wanted
            _apply(wanted)
        _PROCESS.users += 1
    try:
        yield
    finally:
        with _PROCESS.changed:
            _PROCESS.users -= 1
            if not _PROCESS.users and _PROCESS.before is not None:
                _apply(_PROCESS.before)
            _PROCESS.changed.notify_all()


def _apply(settings: tuple[int, dict[str, float | None]]) -> None:
    threads, limits = settings
    set_num_threads(threads)
    set_limits(**limits)


async def stop(name: str) -> int:
    """Have the tasks of a run stop at their next step; return how many did not in time."""
    while len(_PROCESS.stopped) >= _REMEMBERED:
        del _PROCESS.stopped[next(iter(_PROCESS.stopped))]
    _PROCESS.stopped[name] = None
    deadline = time.monotonic() + _PATIENCE
    while _PROCESS.active[name] and time.monotonic() < deadline:
        await asyncio.sleep(0.02)
    return _PROCESS.active[name]
