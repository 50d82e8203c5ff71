"""The worker processes that decode: a few, shared by all threads of this process."""

from __future__ import annotations

import atexit
import threading
import weakref
from contextlib import contextmanager
from typing import TYPE_CHECKING

from dicube_core.codec._decode_process import DecodeProcess
from dicube_core.forks import renew_after_fork
from dicube_core.settings import get_num_threads

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["POOL", "close_processes"]

#: Seconds between two looks at whether a place has become free without anybody saying so.
_LOOK = 1.0


class _Turn:
    """The right of a thread to have a process at work.

    Known by a weak reference: where an interrupt comes before it is given back, it ends with the
    frame that holds it.
    """

    __slots__ = ("__weakref__", "thread")

    def __init__(self) -> None:
        self.thread = threading.current_thread()


class _Pool:
    """Worker processes that have nothing to do, and how many do."""

    def __init__(self) -> None:
        self._idle: list[DecodeProcess] = []
        self._all: weakref.WeakSet[DecodeProcess] = weakref.WeakSet()
        self.renew()
        renew_after_fork(self)

    def renew(self) -> None:
        """Leave the processes to the parent: in a child made by fork their pipes are shared."""
        for process in list(self._all):
            process.abandon()
        self._all = weakref.WeakSet()
        self._idle = []
        self._turns: weakref.WeakSet[_Turn] = weakref.WeakSet()
        self._changed = threading.Condition()

    @contextmanager
    def process(self) -> Iterator[DecodeProcess]:
        """Give a process to one thread; as many at a time as there are threads to decode on."""
        turn, process = _Turn(), None
        try:
            process = self._take(turn)
            if process is not None and not process.alive:
                process.end()
                process = None
            if process is None:
                process = DecodeProcess()
                self._all.add(process)
            yield process
        finally:
            try:
                if process is not None and not process.alive:
                    process.end()
                    process = None
            finally:
                self._give_back(turn, process)

    def _take(self, turn: _Turn) -> DecodeProcess | None:
        """Wait for a turn; return a process that has nothing to do, if there is one."""
        with self._changed:
            # One that this thread was interrupted with, before it could give it back.
            for old in [old for old in self._turns if old.thread is turn.thread]:
                self._turns.discard(old)
            while len(self._turns) >= get_num_threads():
                self._changed.wait(_LOOK)
            self._turns.add(turn)
            return self._idle.pop() if self._idle else None

    def _give_back(self, turn: _Turn, process: DecodeProcess | None) -> None:
        with self._changed:
            self._turns.discard(turn)
            if process is not None:
                self._idle.append(process)
            self._changed.notify()

    def close(self) -> None:
        """End those that have nothing to do."""
        with self._changed:
            idle, self._idle = self._idle, []
        for process in idle:
            process.end()


POOL = _Pool()


@atexit.register
def close_processes() -> None:
    """End the worker processes that are idle. The next frame starts new ones."""
    POOL.close()
