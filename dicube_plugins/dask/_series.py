"""One function over many files."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import dask

import dicube_core
from dicube_core.settings import limits_as_dict, set_limits, set_num_threads
from dicube_core.trees.workers import WorkerDiedError
from dicube_plugins.dask._remote import portable
from dicube_plugins.dask._workers import DaskWorkers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from distributed import Client

    from dicube_core.reader import Reader

__all__ = ["map_series"]

R = TypeVar("R")
F = TypeVar("F")
#: Tasks for each processor, so that none is idle at the end; and most files of one.
_ROUNDS, _LARGEST = 8, 64


def map_series(
    function: Callable[[Reader], R],
    files: Iterable[F],
    client: Client | DaskWorkers | str | None = None,
    *,
    scheduler: str | None = None,
    batch: int | None = None,
) -> list[tuple[F, R | Exception]]:
    """Call a function with an open reader of each of many files, in parallel.

    Parameters
    ----------
    function : callable
        ``function(reader)``; what it returns must be small, and possible to pickle unless the
        scheduler is ``threads`` or ``sync``. It must be done with the reader when it returns.
    files : iterable of path-like or str
        Whatever `dicube_core.open` takes, under names that the workers know.
    client : Client, DaskWorkers or str, optional
        A cluster, or its address as for `DaskWorkers`. By default the one that is current in
        dask (``Client(...)`` makes it so), or else `scheduler`.
    scheduler : str, optional
        ``threads`` (the default), ``processes`` or ``sync`` of dask, without a cluster.
    batch : int, optional
        Files that make one task. By default such that there are several tasks per processor.

    Returns
    -------
    list of (file, result or exception)
        In the order of `files`. A file that cannot be opened, or for which `function` fails, does
        not stop the others; nor does one that ends its process, on a cluster.

    Raises
    ------
    WorkersError
        No worker of the cluster can be had, or all are gone.
    TypeError, ValueError
        `files` is a single path; `batch` is below 1, or dask has no such `scheduler`.

    Examples
    --------
    >>> from dicube_plugins.dask import map_series
    >>> found = map_series(lambda reader: reader.shape, ["a.dcbs", "b.dcbs"])  # doctest: +SKIP
    """
    if batch is not None and batch < 1:
        raise ValueError(f"batch must be at least 1, not {batch}")
    if isinstance(files, str | os.PathLike):
        raise TypeError("a list of files is needed, not one path")  # whose letters would be files
    names = list(files)
    cluster = client if client is not None else _current() if scheduler is None else None
    if cluster is None:
        size = batch or _batch(len(names), os.cpu_count() or 1)
        return _with_dask(function, names, size, scheduler or "threads")
    workers = cluster if isinstance(cluster, DaskWorkers) else DaskWorkers(cluster)
    with workers:
        threads = sum(workers.client.nthreads().values())
        return _with_workers(function, names, batch or _batch(len(names), threads), workers)


def _current() -> Client | None:
    from distributed import default_client

    try:
        return default_client()
    except ValueError:
        return None


def _batch(n_files: int, processors: int) -> int:
    return min(_LARGEST, max(1, math.ceil(n_files / (_ROUNDS * max(1, processors)))))


@dataclass(frozen=True, slots=True)
class _Batch(Generic[F]):
    """Files that one task does; `start` is the place of the first."""

    start: int
    files: tuple[F, ...]


@dataclass(frozen=True, slots=True)
class _Each(Generic[R]):
    """Calls a function for each file of a batch, with errors among the results."""

    function: Callable[[Reader], R]
    #: Limits of the process that asks, where the one that works is new.
    limits: tuple[tuple[str, float | None], ...] | None = None

    def __call__(self, batch: _Batch[Any]) -> list[R | Exception]:
        if self.limits is not None:
            set_num_threads(1)
            set_limits(**dict(self.limits))
        return [self._one(file) for file in batch.files]

    def _one(self, file: Any) -> R | Exception:
        try:
            with dicube_core.open(file) as reader:
                return self.function(reader)
        except Exception as exc:  # noqa: BLE001 - one file must not stop the others
            return portable(exc)


def _batches(names: list[F], size: int) -> list[_Batch[F]]:
    return [_Batch(i, tuple(names[i : i + size])) for i in range(0, len(names), size)]


def _with_dask(
    function: Callable[[Reader], R], names: list[F], size: int, scheduler: str
) -> list[tuple[F, R | Exception]]:
    limits = tuple(limits_as_dict().items()) if scheduler == "processes" else None
    each = dask.delayed(_Each(function, limits), pure=False)
    tasks = [each(batch) for batch in _batches(names, size)]
    results = [r for done in dask.compute(*tasks, scheduler=scheduler) for r in done]
    return list(zip(names, results, strict=True))


def _with_workers(
    function: Callable[[Reader], R], names: list[F], size: int, workers: DaskWorkers
) -> list[tuple[F, R | Exception]]:
    each = _Each(function)
    found: dict[int, R | Exception] = {}
    again: list[_Batch[F]] = []
    for batch, result in workers.map(each, _batches(names, size)):
        if isinstance(result, Exception):
            # One of its files did that; the others are not to suffer from it.
            again += (_Batch(batch.start + i, (file,)) for i, file in enumerate(batch.files))
        else:
            found.update(enumerate(result, batch.start))
    for batch, result in workers.map(each, again):
        if isinstance(result, WorkerDiedError):
            result.add_place(str(batch.files[0]))
        found[batch.start] = result if isinstance(result, Exception) else result[0]
    return [(name, found[i]) for i, name in enumerate(names)]
