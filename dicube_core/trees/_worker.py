"""The far side of a lane: what runs in a worker process around each task."""

from __future__ import annotations

import os
import signal
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

    class _Number(Protocol):
        value: int


__all__ = ["STATE", "invoke", "prepare", "process_id", "start", "tell", "teller", "telling"]

T = TypeVar("T")
R = TypeVar("R")
#: Seconds that a task has to clean up in once nobody waits for it any more.
_GRACE = 15.0


class _State:
    """What a worker process knows of itself."""

    def __init__(self) -> None:
        #: Progress of the task, read by the parent without a lock: a worker that dies while it
        #: holds one would stop all others.
        self.counter: _Number | None = None
        #: Called after each step, where the task runs in the process that shows the progress.
        self.listener: Callable[[], None] | None = None
        #: Set by an interrupt. Tasks stop at their next step, not in the middle of a clean-up or
        #: of a callback that nobody can raise from.
        self.interrupted = False
        #: Set while no task is under way, its cleaning up included.
        self.idle = threading.Event()
        self.idle.set()


STATE = _State()
#: What the task of this thread says how far it is by, where tasks share a process.
_OWN = threading.local()


def tell(done: int) -> None:
    """Say how far the task is; to be called often, from the thread of the task.

    Raises
    ------
    KeyboardInterrupt
        Nobody wants the result any more.
    """
    teller()(done)


def teller() -> Callable[[int], None]:
    """Return what `tell` does in this thread, for threads that help it."""
    own: Callable[[int], None] = getattr(_OWN, "say", _tell_process)
    return own


@contextmanager
def telling(say: Callable[[int], None]) -> Iterator[None]:
    """Have `tell` call a function, in this thread."""
    _OWN.say = say
    try:
        yield
    finally:
        del _OWN.say


def _tell_process(done: int) -> None:
    if STATE.interrupted:
        raise KeyboardInterrupt
    if STATE.counter is not None:
        STATE.counter.value = done
    if STATE.listener is not None:
        STATE.listener()


def start(counter: _Number) -> None:
    """Prepare a worker process, whose parent blocked its interrupts until now."""
    STATE.counter = counter
    signal.signal(signal.SIGINT, _interrupt)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    threading.Thread(target=_outlive_nobody, daemon=True, name="dicube-parent").start()


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    STATE.interrupted = True


def _outlive_nobody() -> None:
    """End this process when its parent is gone; tasks get the time to remove what they began."""
    from multiprocessing import parent_process
    from multiprocessing.connection import wait

    parent = parent_process()
    if parent is None:
        return
    wait([parent.sentinel])
    STATE.interrupted = True
    deadline = time.monotonic() + _GRACE
    while not STATE.idle.is_set() and time.monotonic() < deadline:
        time.sleep(0.05)
    os._exit(1)


def invoke(function: Callable[[T], R], task: T, threads: int, limits: dict[str, float | None]) -> R:
    """Run one task on so many threads, within the limits of the parent."""
    from dicube_core.settings import set_limits, set_num_threads

    STATE.idle.clear()
    try:
        set_num_threads(threads)
        set_limits(**limits)
        tell(0)
        return function(task)
    finally:
        STATE.idle.set()


def prepare(_: None) -> None:
    """Import what the first conversion would have to wait for."""
    from importlib import import_module

    from dicube_core.codec.registry import get_codec

    for name in ("dicube_core.trees.converting", "dicube_core.metadata.merge", "zstandard"):
        import_module(name)
    get_codec("htj2k")


def process_id() -> int:
    """Show that the process has started."""
    return os.getpid()
