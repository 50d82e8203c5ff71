"""The option ``--dask`` of the commands that work on many files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable

    from dicube_core.trees.workers import Workers

__all__ = ["cluster_options"]

_DASK = click.option(
    "--dask",
    "workers",
    metavar="ADDRESS",
    help="Have the workers of a dask cluster do it: tcp://HOST:PORT, the path of a scheduler file, "
    "or local. --jobs is then the number of tasks at the same time, --threads what each uses.",
)


def cluster_options(command: click.Command) -> click.Command:
    """Return ``dcbs convert`` or ``dcbs verify`` with ``--dask``."""
    run = command.callback
    if run is None:
        return command
    unchanged: Callable[..., Any] = run

    def extended(*, workers: str | None, jobs: int | None, **options: Any) -> Any:
        if workers is None:
            return unchanged(jobs=jobs, **options)
        return unchanged(jobs=None, workers=_workers(workers, jobs), **options)

    added = click.Command(
        command.name, callback=extended, params=list(command.params), help=command.help
    )
    return _DASK(added)


def _workers(address: str, jobs: int | None) -> Workers:
    import logging

    try:
        from dicube_plugins.dask import DaskWorkers
    except ImportError as exc:
        if exc.name not in ("dask", "distributed"):
            raise
        from dicube_core.exceptions import MissingDependencyError

        raise MissingDependencyError(
            f"--dask needs {exc.name}", suggestion="pip install 'dicube-plugins[dask]'"
        ) from exc
    # What goes wrong is told as an error of the command, once.
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    return DaskWorkers(address, jobs=jobs, threads=_threads())


def _threads() -> int:
    """Return what ``dcbs --threads`` says, and 1 where it says nothing."""
    threads = click.get_current_context().find_root().params.get("threads")
    return threads if isinstance(threads, int) else 1
