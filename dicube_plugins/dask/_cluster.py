"""Reach a dask cluster, and find out whether its workers are what is needed."""

from __future__ import annotations

import contextlib
import logging
import signal
import threading
import warnings
from concurrent.futures import Future
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from distributed import Client, LocalCluster

import dicube_core
from dicube_core.exceptions import DicomCubeWarning, WorkersError
from dicube_plugins.dask._remote import examine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from dicube_plugins.dask._remote import Run

__all__ = ["connect", "require_fit", "within"]

R = TypeVar("R")
#: Seconds for an answer of all workers.
_ANSWER = 30.0
_DISTRIBUTION = "dicube-plugins"
#: Packages that decide on the bytes of a file, though not on its values.
_CODECS = ("imagecodecs", "zstandard")
#: Deaths of workers that a task survives in a cluster of our own, where only tasks kill them.
_ALLOWED_FAILURES = 1


def within(seconds: float, function: Callable[..., R], *args: Any, **kwargs: Any) -> R:
    """Return what a function does, or raise `TimeoutError`: dask may wait for ever.

    The thread that waits is left to itself then.
    """
    answer: Future[R] = Future()

    def ask() -> None:
        try:
            answer.set_result(function(*args, **kwargs))
        except BaseException as exc:  # noqa: BLE001 - raised where the answer is awaited
            answer.set_exception(exc)

    threading.Thread(target=ask, name="dicube-dask", daemon=True).start()
    return answer.result(seconds)


def connect(address: str | Client, jobs: int | None, patience: float, stack: ExitStack) -> Client:
    """Return a client with at least one worker.

    Parameters
    ----------
    address : str or Client
        ``tcp://host:port`` or another address of a scheduler, the path of a scheduler file,
        ``local`` for processes of this machine, or a client, which stays the caller's.
    jobs : int or None
        Processes of a local cluster; by default as dask thinks fit.
    patience : float
        Seconds to wait for the scheduler, and then for a worker.
    stack : ExitStack
        Is given what is to be closed.

    Raises
    ------
    WorkersError
        There is no such scheduler, or it has no workers.
    """
    try:
        client = address if isinstance(address, Client) else _open(address, jobs, patience, stack)
    except (OSError, TimeoutError, ValueError) as exc:
        raise WorkersError(
            f"no dask scheduler answers at {address}: {exc or type(exc).__name__}",
            suggestion="start one by `dask scheduler`, or give the address that it prints",
        ) from exc
    except RuntimeError as exc:
        raise WorkersError(
            f"no dask cluster can be started here: {exc}",
            suggestion='call it below `if __name__ == "__main__":`',
        ) from exc
    try:
        client.wait_for_workers(1, timeout=patience)
    except TimeoutError as exc:
        raise WorkersError(
            f"the dask scheduler at {address} has no workers",
            suggestion="start some by `dask worker ADDRESS`",
        ) from exc
    return client


def _open(address: str, jobs: int | None, patience: float, stack: ExitStack) -> Client:
    if address == "local":
        cluster = _local(jobs, patience)
        stack.callback(_closed, cluster)
        where: dict[str, Any] = {"address": cluster}
    elif "://" in address or ":" in address:
        where = {"address": address}
    elif Path(address).is_file():
        where = {"scheduler_file": address}
    else:
        raise ValueError("it is neither an address, nor a scheduler file, nor 'local'")
    client = Client(**where, timeout=patience, set_as_default=False)
    stack.callback(_closed, client)
    return client


def _local(jobs: int | None, patience: float) -> LocalCluster:
    with _interrupts_blocked():
        try:
            # Older versions wait for ever where the main module has no guard.
            return within(
                patience,
                LocalCluster,
                n_workers=jobs or dicube_core.get_num_threads(),
                threads_per_worker=1,
                dashboard_address=None,
                silence_logs=logging.CRITICAL,
                # Even without a dashboard, its port would be taken.
                scheduler_kwargs={
                    "allowed_failures": _ALLOWED_FAILURES,
                    "dashboard": False,
                    "dashboard_address": "127.0.0.1:0",
                },
            )
        except TimeoutError as exc:
            raise RuntimeError(f"its workers did not start in {patience:.0f} s") from exc


def _closed(thing: Any) -> None:
    # A scheduler that is gone cannot be taken leave of.
    with contextlib.suppress(Exception):
        thing.close(timeout=_ANSWER)


@contextlib.contextmanager
def _interrupts_blocked() -> Iterator[None]:
    """Keep the interrupts of a terminal from processes that are started meanwhile.

    They are told to stop by other means, and would else die in the middle of a file.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    from multiprocessing.resource_tracker import ensure_running

    ensure_running()  # starting it later would unblock them
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def require_fit(client: Client, run: Run) -> None:
    """Raise `WorkersError`, which names a worker and what is wrong with it, unless all fit."""
    try:
        versions = within(
            _ANSWER, client.get_versions, packages=["dicube_core", _DISTRIBUTION, *_CODECS]
        )
        # Bytecode of another Python may end a worker: nothing is sent to it before this.
        _require_versions(versions)
        answers = within(_ANSWER, client.run, examine, run, on_error="return")
    except TimeoutError as exc:
        raise WorkersError(
            f"some dask worker did not answer in {_ANSWER:.0f} s",
            suggestion="look at its log, and start it again",
        ) from exc
    except WorkersError:
        raise
    except Exception as exc:
        raise WorkersError(f"the dask workers cannot be asked: {exc}") from exc
    for worker, answer in sorted(answers.items()):
        if isinstance(answer, BaseException):
            answer = f"{type(answer).__name__}: {answer}"  # noqa: PLW2901
        if answer:
            raise _unfit(worker, answer)


def _unfit(worker: str, problem: str) -> WorkersError:
    return WorkersError(
        f"the dask worker {worker} does not fit: {problem}",
        suggestion="all machines need the same environment, and the same folders under the same "
        "names",
    )


def _require_versions(versions: Mapping[str, Any]) -> None:
    own = versions["client"]["packages"]
    for worker, answer in sorted(versions["workers"].items()):
        if not isinstance(answer, dict):  # it left just now
            continue
        theirs = answer["packages"]
        if _minor(theirs["python"]) != _minor(own["python"]):
            raise _unfit(worker, f"it runs Python {theirs['python']}, not {own['python']}")
        # By the name of the module or of the distribution, as the version of dask has it.
        if theirs.get("dicube_core") is None and theirs.get(_DISTRIBUTION) is None:
            raise _unfit(worker, f"{_DISTRIBUTION} is not installed")
        for name in (_DISTRIBUTION, "dicube_core"):
            if theirs.get(name) is not None and theirs.get(name) != own.get(name):
                raise _unfit(
                    worker, f"it has version {theirs[name]} of {_DISTRIBUTION}, not {own.get(name)}"
                )
        other = [name for name in _CODECS if theirs.get(name) != own.get(name)]
        if other:
            warnings.warn(
                f"the dask worker {worker} has another version of {' and '.join(other)}: its "
                "files hold the same, but need not be equal byte for byte",
                DicomCubeWarning,
                stacklevel=2,
            )


def _minor(version: str) -> list[str]:
    return version.split(".")[:2]
