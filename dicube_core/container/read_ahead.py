"""Ranges that are known beforehand, read before they are asked for: few requests, several at once.

For stores in which a request takes long. What is waiting to be used is bounded, whatever the
order in which ranges are asked for, and nothing is ever answered from another range.
"""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from concurrent.futures import Future
    from typing import Self

    from dicube_core.container.layout import Section
    from dicube_core.source import Requests

__all__ = ["ReadAhead", "joined"]


@dataclass(slots=True)
class _Request:
    """Some ranges side by side, read at once."""

    start: int
    stop: int
    #: Times that its ranges will be asked for; none is answered after the last.
    left: int
    future: Future[bytes] | None = None
    dropped: bool = False

    def join(self, section: Section, requests: Requests) -> bool:
        """Take a range in that begins where this one ends, or ends where this one begins."""
        start, stop = min(self.start, section.offset), max(self.stop, section.stop)
        gap = max(section.offset - self.stop, self.start - section.stop)
        if stop - start > requests.joined_bytes or not 0 <= gap <= requests.gap_bytes:
            return False
        self.start, self.stop = start, stop
        self.left += 1
        return True


def joined(sections: Iterable[Section], requests: Requests) -> list[tuple[int, int]]:
    """Return (start, stop) of the requests that bring all these ranges, in their order."""
    return [(request.start, request.stop) for request in _plan(sections, requests)[0]]


def _plan(
    sections: Iterable[Section], requests: Requests
) -> tuple[list[_Request], dict[Section, int]]:
    plan: list[_Request] = []
    where: dict[Section, int] = {}
    for section in sections:
        known = where.get(section)
        if known is not None:
            plan[known].left += 1
            continue
        if not (plan and plan[-1].join(section, requests)):
            plan.append(_Request(section.offset, section.stop, 1))
        where[section] = len(plan) - 1
    return plan, where


class ReadAhead:
    """A context in which the given ranges are read ahead. Safe for several threads.

    Parameters
    ----------
    read_at : callable
        ``read_at(offset, length)``, called on threads of this object.
    sections : iterable of Section
        In the order in which they will be asked for.
    requests : Requests
        How to read them.

    Notes
    -----
    A process made by fork has none of the threads; there nothing is answered.
    """

    def __init__(
        self,
        read_at: Callable[[int, int], bytes],
        sections: Iterable[Section],
        requests: Requests,
    ) -> None:
        self._read_at = read_at
        self._plan, self._where = _plan(sections, requests)
        self._at_once = max(1, requests.at_once)
        self._lock = threading.Lock()
        self._started: list[int] = []
        self._pid = os.getpid()

    def __len__(self) -> int:
        return len(self._plan)

    def __enter__(self) -> Self:
        # Not with the module: readers of files on disk have no use for it.
        from concurrent.futures import ThreadPoolExecutor

        n_threads = min(self._at_once, len(self._plan))
        self._pool = ThreadPoolExecutor(max(1, n_threads), thread_name_prefix="dicube-read")
        with self._lock:
            self._start_from(0)
        return self

    def __exit__(self, *exc: object) -> None:
        if self._pid != os.getpid():
            return  # whoever held the lock is in the other process
        with self._lock:
            for request in self._plan:
                self._drop(request)
        self._pool.shutdown(wait=True, cancel_futures=True)

    def take(self, section: Section) -> bytes | None:
        """Return a range, once for each time that it was announced; None for any other.

        None as well where the request failed: who reads the range itself is told why.
        """
        number = self._where.get(section)
        if number is None or self._pid != os.getpid():
            return None
        request = self._plan[number]
        with self._lock:
            self._start_from(number)
            future = request.future
        if future is None:
            return None
        data: bytes | None
        try:
            data = future.result()
        except Exception:  # noqa: BLE001 - whoever reads it by itself is told
            data = None
        with self._lock:
            request.left -= 1
            if data is None or request.left <= 0:
                self._drop(request)
            self._start_from(number)
        if data is None:
            return None
        start = section.offset - request.start
        return data if len(data) == section.length else data[start : start + section.length]

    def _start_from(self, number: int) -> None:
        """Start a request and those behind it, as many as there may be; the lock is held."""
        self._started = [n for n in self._started if not self._plan[n].dropped]
        for n in range(number, min(number + self._at_once, len(self._plan))):
            request = self._plan[n]
            if request.future is not None or request.dropped:
                continue
            if len(self._started) >= self._at_once and n != number:
                break
            request.future = self._pool.submit(
                self._read_at, request.start, request.stop - request.start
            )
            self._started.append(n)
        # Asked for in another order than announced: what was left behind is read again if need be.
        for n in sorted(self._started):
            if len(self._started) <= 2 * self._at_once:
                break
            future = self._plan[n].future
            if n != number and future is not None and future.done():
                self._drop(self._plan[n])
                self._started.remove(n)

    def _drop(self, request: _Request) -> None:
        request.dropped = True
        if request.future is not None:
            request.future.cancel()
            request.future = None
