"""Who does the tasks of a tree: what is asked of processes here, or of a cluster elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, Self, TypeVar

from dicube_core.exceptions import DicomCubeError
from dicube_core.trees import _worker
from dicube_core.trees._worker import telling

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

__all__ = ["WorkerDiedError", "Workers", "in_this_process", "telling"]

T = TypeVar("T")
R = TypeVar("R")


class WorkerDiedError(DicomCubeError):
    """The process that worked on a task ended without a result."""


class Workers(Protocol):
    """Processes that do tasks side by side, each of which may die without the others.

    A context manager. Leaving it by an error, an interrupt for instance, stops the tasks under
    way, and waits until they have cleaned up. Entering raises `WorkersError` where there are no
    workers, or they do not fit.
    """

    @property
    def jobs(self) -> int:
        """Number of tasks that are done side by side, as far as is known."""

    @property
    def remote(self) -> bool:
        """Whether workers may be on other machines, and a task may be begun again.

        Paths are absolute then. A task whose worker died is given to another, which may find that
        the first was done with it.
        """

    @property
    def batch(self) -> int:
        """Number of small things, such as headers to read, that make a task worth its way."""

    def reach(self, root: Path, out: Path | None, sample: Path | None) -> None:
        """Find out that all workers have the same folders.

        Parameters
        ----------
        root : Path
            Folder that is read.
        out : Path or None
            Folder that is written to; it need not be there yet.
        sample : Path or None
            A file below `root`.

        Raises
        ------
        WorkersError
            One has not; it is named.
        """

    def warm(self) -> None:
        """Have the workers import, in the background, what conversion needs."""

    def map(
        self,
        function: Callable[[T], R],
        tasks: Sequence[T],
        tick: Callable[[int], None] | None = None,
        *,
        here: bool = False,
    ) -> Iterator[tuple[T, R | Exception]]:
        """Run tasks, and yield each exactly once, with its result or error, as it is done.

        Parameters
        ----------
        function : callable
            Of a module, as is every object that it is given and returns.
        tasks : sequence
            Begun in this order.
        tick : callable, optional
            Called often, with the sum of what the tasks under way say by `_worker.tell`.
        here : bool
            They are few and small: run them in this process if that is as quick.

        Raises
        ------
        WorkersError
            No task can be done any more.
        """

    def __enter__(self) -> Self: ...

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None: ...


def in_this_process(
    function: Callable[[T], R], tasks: Sequence[T], tick: Callable[[int], None] | None
) -> Iterator[tuple[T, R | Exception]]:
    """Run tasks one by one, here; as `Workers.map`."""
    counter = _Counter()
    before = _worker.STATE.counter, _worker.STATE.listener
    try:
        for task in tasks:
            _worker.STATE.counter = counter
            _worker.STATE.listener = None if tick is None else lambda: tick(counter.value)
            counter.value = 0
            result: R | Exception
            try:
                result = function(task)
            except Exception as exc:  # noqa: BLE001 - as a worker process would return it
                result = exc
            counter.value = 0
            yield task, result
    finally:
        _worker.STATE.counter, _worker.STATE.listener = before


class _Counter:
    value = 0
