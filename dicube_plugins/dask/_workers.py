"""The workers of a dask cluster, as `dicube_core` asks for them."""

from __future__ import annotations

import contextlib
import os
import secrets
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self, TypeVar

import dicube_core
from dicube_core.exceptions import WorkersError
from dicube_core.settings import limits_as_dict
from dicube_core.temporaries import FILE_ENDING, remove_leftovers, temporary_path, try_lock
from dicube_core.trees.workers import WorkerDiedError, in_this_process
from dicube_plugins.dask._cluster import connect, require_fit
from dicube_plugins.dask._flight import Flight, KilledWorker
from dicube_plugins.dask._remote import Place, Run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from distributed import Client

__all__ = ["DaskWorkers"]

T = TypeVar("T")
R = TypeVar("R")


class DaskWorkers:
    """Workers of a dask cluster, for `convert_tree` and `verify_files`.

    A context manager, which is connected inside of its ``with`` block only; the functions that it
    is given to enter it where the caller has not. It can be entered again.

    Parameters
    ----------
    address : str or distributed.Client
        Of a scheduler, ``tcp://host:port``; the path of a scheduler file; ``local`` for
        processes of this machine, begun and ended with it; or a client, which stays open.
    jobs : int, optional
        Most tasks at the same time, by default as many as the workers have threads. For
        ``local`` the number of processes, by default that of `get_num_threads`.
    threads : int
        Threads that a task uses. A thread of a worker stands for one processor, hence 1.
    patience : float
        Seconds to wait for the scheduler and a first worker; and without any worker, or without
        an answer of the scheduler, before all is given up.

    Raises
    ------
    WorkersError
        On entering: no scheduler or worker can be had, or a worker has another version of this
        package or of Python. In `reach`: one has not the same folders. In `map`: the scheduler or
        all workers are gone.

    Notes
    -----
    A task whose worker dies is given to another. Where more workers died of it than the scheduler
    allows (``distributed.scheduler.allowed-failures``), it is tried once more, alone, after all
    others, since it may only have been in the same process; if they die again, it is reported.
    """

    #: Workers may be anywhere, and tasks are begun again.
    remote = True
    #: A task should take a scheduler less time than it takes a worker.
    batch = 512

    def __init__(
        self,
        address: str | Client,
        *,
        jobs: int | None = None,
        threads: int = 1,
        patience: float = 60.0,
    ) -> None:
        if (jobs is not None and jobs < 1) or threads < 1:
            raise ValueError("numbers of jobs and threads must be at least 1")
        self._address, self._jobs, self._n_threads = address, jobs, threads
        self._patience = patience
        self._depth = 0
        self._most = 0
        self._stack = ExitStack()
        self._client: Client | None = None
        self._run = Run("", dicube_core.__version__, threads, ())
        self._flights: list[Flight[Any, Any]] = []

    @property
    def jobs(self) -> int:
        """Most threads that all workers had together, or the number that was asked for."""
        return self._most if self._jobs is None else min(self._jobs, self._most)

    @property
    def client(self) -> Client:
        """The client, inside of the ``with`` block."""
        if self._client is None:
            raise WorkersError(
                "DaskWorkers are connected inside of their with block only",
                suggestion="write `with DaskWorkers(...) as workers:`",
            )
        return self._client

    def __enter__(self) -> Self:
        if self._depth == 0:
            with ExitStack() as stack:
                self._connect(stack)
                self._stack = stack.pop_all()
        self._depth += 1
        return self

    def _connect(self, stack: ExitStack) -> None:
        client = connect(self._address, self._jobs, self._patience, stack)
        limits = tuple(sorted(limits_as_dict().items()))
        name = f"dicube-{secrets.token_hex(6)}"
        self._run = Run(name, dicube_core.__version__, self._n_threads, limits)
        require_fit(client, self._run)
        client.subscribe_topic(name, self._heard)
        stack.callback(_unsubscribe, client, name)
        self._client = client

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            for flight in self._flights:
                flight.stop()
            self._flights.clear()
        self._depth -= 1
        if self._depth == 0:
            self._client = None
            self._stack.close()

    def reach(self, root: Path, out: Path | None, sample: Path | None) -> None:
        """Find out that all workers have the same folders; see `dicube_core`'s ``Workers``."""
        places = [Place(str(root))]
        if sample is not None:
            with contextlib.suppress(OSError):  # it will be told of where it is read
                status = sample.stat()
                places.append(Place(str(sample), status.st_size, status.st_mtime_ns))
        if out is not None:
            places.append(self._mark(_nearest(out)))
        self._run = replace(self._run, places=tuple(places))
        require_fit(self.client, self._run)

    def _mark(self, folder: Path) -> Place:
        """Put a file into a folder that all workers must see, and be able to write beside."""
        remove_leftovers(folder / "workers")
        mark = temporary_path(folder / "workers", FILE_ENDING)
        descriptor = os.open(mark, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        try_lock(descriptor)  # it is nobody's leftover as long as this process lives
        self._stack.callback(_remove_mark, mark, descriptor)
        os.write(descriptor, self._run.name.encode())
        os.fsync(descriptor)
        status = os.fstat(descriptor)
        return Place(str(mark), status.st_size, status.st_mtime_ns, writable=True)

    def warm(self) -> None:
        """Do nothing: workers of a cluster are long there."""

    def map(
        self,
        function: Callable[[T], R],
        tasks: Sequence[T],
        tick: Callable[[int], None] | None = None,
        *,
        here: bool = False,
    ) -> Iterator[tuple[T, R | Exception]]:
        """Run tasks on the workers, and yield each with its result or error, as it is done.

        Parameters
        ----------
        function : callable
            Of one argument; everything must be possible to pickle.
        tasks : sequence
            Begun in this order.
        tick : callable, optional
            Called often, with the sum of what the tasks under way say.
        here : bool
            Run them in this process.

        Raises
        ------
        WorkersError
            The scheduler or all workers are gone, or one does not fit.
        """
        if here:
            yield from in_this_process(function, tasks, tick)
            return
        suspects: list[T] = []
        for task, result in self._fly(function, tasks, tick):
            if isinstance(result, KilledWorker):
                suspects.append(task)
            else:
                yield task, result
        for suspect in suspects:
            for task, result in self._fly(function, [suspect], tick):
                yield task, _died(result) if isinstance(result, KilledWorker) else result

    def _fly(
        self,
        function: Callable[[T], R],
        tasks: Sequence[T],
        tick: Callable[[int], None] | None,
    ) -> Iterator[tuple[T, R | Exception]]:
        flight: Flight[T, R] = Flight(self.client, self._run, self._jobs, self._patience)
        self._flights.append(flight)
        for landed in flight.results(function, tasks, tick):
            self._most = max(self._most, flight.threads)
            yield landed
        # One that is left by an error stays, to be stopped.
        self._flights.remove(flight)

    def _heard(self, event: tuple[float, Any]) -> None:
        for flight in list(self._flights):
            flight.heard(event)


def _nearest(folder: Path) -> Path:
    """Return the folder, or the nearest above it that is there."""
    return next(one for one in (folder, *folder.parents) if one.exists())


def _remove_mark(mark: Path, descriptor: int) -> None:
    os.close(descriptor)
    mark.unlink(missing_ok=True)


def _unsubscribe(client: Client, topic: str) -> None:
    with contextlib.suppress(Exception):  # the scheduler may be gone
        client.unsubscribe_topic(topic)


def _died(error: KilledWorker) -> WorkerDiedError:
    tries = error.allowed_failures + 1
    return WorkerDiedError(
        f"every worker that worked on it died: {tries} of them, and {tries} more when nothing "
        "else was under way",
        suggestion="it may need more memory than a worker has; convert it by itself",
    )
