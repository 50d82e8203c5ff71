"""The worker processes that decode: a few, shared by all threads of this process."""

from __future__ import annotations

import atexit
import threading
import weakref
from contextlib import contextmanager, suppress
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

from dicube_core.codec._decode_process import DecodeProcess
from dicube_core.forks import renew_after_fork
from dicube_core.settings import get_num_threads

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["POOL", "close_processes"]

#: Seconds between two looks at whether a place has become free without anybody saying so.
_LOOK = 1.0


class _Pool:
    """Worker processes that have nothing to do, and how many do.

    Its lock and its queue are taken in native code, all or nothing: in a condition or event of
    `threading`, an interrupt can come between taking the lock inside and the line that would give
    it back.
    """

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
        #: Threads that have a process at work. One that was interrupted before it could give its
        #: place back has it until it asks again, or ends.
        self._at_work: set[threading.Thread] = set()
        self._lock = threading.Lock()
        self._freed: SimpleQueue[None] = SimpleQueue()

    @contextmanager
    def process(self) -> Iterator[DecodeProcess]:
        """Give a process to one thread; as many at a time as there are threads to decode on."""
        process = None
        try:
            process = self._take()
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
                self._give_back(process)

    def _take(self) -> DecodeProcess | None:
        """Wait for a place; return a process that has nothing to do, if there is one."""
        this = threading.current_thread()
        while True:
            with self._lock:
                self._at_work.discard(this)
                if len(self._at_work) >= get_num_threads():
                    self._at_work = {thread for thread in self._at_work if thread.is_alive()}
                if len(self._at_work) < get_num_threads():
                    self._at_work.add(this)
                    return self._idle.pop() if self._idle else None
            with suppress(Empty):
                self._freed.get(timeout=_LOOK)

    def _give_back(self, process: DecodeProcess | None) -> None:
        with self._lock:
            self._at_work.discard(threading.current_thread())
            if process is not None:
                self._idle.append(process)
        if self._freed.qsize() < get_num_threads():  # nobody may be waiting
            self._freed.put(None)

    def close(self) -> None:
        """End those that have nothing to do."""
        with self._lock:
            idle, self._idle = self._idle, []
        for process in idle:
            process.end()


POOL = _Pool()


@atexit.register
def close_processes() -> None:
    """End the worker processes that are idle. The next frame starts new ones."""
    POOL.close()
