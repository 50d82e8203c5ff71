"""A cache of values that are costly to make: bounded, with one load per key in flight."""

from __future__ import annotations

import contextlib
import os
import threading
from collections import OrderedDict
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable

__all__ = ["CacheCounts", "SliceCache"]

K = TypeVar("K", bound="Hashable")


@dataclass
class CacheCounts:
    """What became of the requests.

    Parameters
    ----------
    hits, misses : int
        Requests answered from the cache (or by a load already in flight), and others.
    evictions : int
        Values dropped to keep within the bounds.
    preloads_used, preloads_wasted : int
        Values loaded ahead that were then asked for, or dropped before.
    """

    hits: int = 0
    misses: int = 0
    evictions: int = 0
    preloads_used: int = 0
    preloads_wasted: int = 0


class SliceCache(Generic[K]):
    """Least recently used values, bounded by number and bytes. Safe for threads and after fork.

    No lock is held while a value is loaded, so hits never wait for misses. However many threads
    ask for one key, it is loaded once; all get the value, or the error.

    Parameters
    ----------
    load : callable
        ``load(key) -> bytes``.
    max_items, max_bytes : int
        Bounds on what is kept. A value larger than `max_bytes` is not kept at all.
    n_threads : int
        Threads that load ahead, started with the first call of `preload`.
    """

    def __init__(
        self, load: Callable[[K], bytes], *, max_items: int, max_bytes: int, n_threads: int = 1
    ) -> None:
        self._load = load
        self._max_items, self._max_bytes, self._n_threads = max_items, max_bytes, n_threads
        self._closed = False
        self._start()

    def _start(self) -> None:
        """Begin empty, with locks and threads of this process."""
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._values: OrderedDict[K, bytes] = OrderedDict()
        self._unused: set[K] = set()  # loaded ahead, not asked for yet
        self._flying: dict[K, Future[bytes]] = {}
        self._bytes = 0
        self._counts = CacheCounts()
        self._pool: ThreadPoolExecutor | None = None

    def _after_fork(self) -> None:
        if self._pid != os.getpid():  # threads and held locks stayed in the parent
            self._start()

    def get(self, key: K) -> bytes:
        """Return the value of a key, loading it in this thread unless somebody is at it."""
        self._after_fork()
        with self._lock:
            value = self._values.get(key)
            if value is not None:
                self._values.move_to_end(key)
                self._counts.hits += 1
                self._mark_used(key)
                return value
            flight = self._flying.get(key)
            if flight is None:
                mine: Future[bytes] = Future()
                self._flying[key] = mine
                self._counts.misses += 1
            else:
                self._counts.hits += 1
                self._mark_used(key)
        if flight is not None:
            return flight.result()
        return self._fly(key, mine)

    def _mark_used(self, key: K) -> None:
        if key in self._unused:
            self._unused.discard(key)
            self._counts.preloads_used += 1

    def _fly(self, key: K, flight: Future[bytes]) -> bytes:
        """Load a key, keep the value, and answer all who wait."""
        try:
            value = self._load(key)
        except BaseException as exc:
            with self._lock:
                self._flying.pop(key, None)
                self._unused.discard(key)
            flight.set_exception(exc)
            raise
        with self._lock:
            self._flying.pop(key, None)
            self._keep(key, value)
        flight.set_result(value)
        return value

    def _keep(self, key: K, value: bytes) -> None:
        """Put a value in and drop the oldest ones; the lock is held."""
        if self._closed or len(value) > self._max_bytes or self._max_items < 1:
            self._unused.discard(key)
            return
        self._values[key] = value
        self._bytes += len(value)
        while len(self._values) > self._max_items or self._bytes > self._max_bytes:
            old, dropped = self._values.popitem(last=False)
            self._bytes -= len(dropped)
            self._counts.evictions += 1
            if old in self._unused:
                self._unused.discard(old)
                self._counts.preloads_wasted += 1

    def preload(self, keys: Iterable[K]) -> None:
        """Load keys that are neither here nor on their way, on the cache's own threads.

        An error is not kept: it comes up when the key is asked for.
        """
        self._after_fork()
        with self._lock:
            if self._closed:
                return
            wanted = [k for k in keys if k not in self._values and k not in self._flying]
            if wanted and self._pool is None:
                self._pool = ThreadPoolExecutor(self._n_threads, "dicube-preload")
            for key in wanted:
                flight: Future[bytes] = Future()
                self._flying[key] = flight
                self._unused.add(key)
                assert self._pool is not None  # noqa: S101 - made above, for the type checker
                self._pool.submit(self._preload_one, key, flight)

    def _preload_one(self, key: K, flight: Future[bytes]) -> None:
        with contextlib.suppress(Exception):  # whoever asks for the key meets it again
            self._fly(key, flight)

    @property
    def counts(self) -> CacheCounts:
        """A copy of the counters."""
        self._after_fork()
        with self._lock:
            return CacheCounts(**vars(self._counts))

    @property
    def n_bytes(self) -> int:
        """Bytes held."""
        self._after_fork()
        return self._bytes

    @property
    def n_flying(self) -> int:
        """Loads on their way."""
        self._after_fork()
        return len(self._flying)

    def __len__(self) -> int:
        self._after_fork()
        return len(self._values)

    def clear(self) -> None:
        """Drop all values; loads on their way are not stopped."""
        self._after_fork()
        with self._lock:
            self._counts.preloads_wasted += len(self._unused & self._values.keys())
            self._unused -= self._values.keys()
            self._values.clear()
            self._bytes = 0

    def close(self) -> None:
        """Drop all values and end the threads; may be called again."""
        self._after_fork()
        with self._lock:
            self._closed = True
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.shutdown(wait=True, cancel_futures=True)
        self._cancel_waiting()
        self.clear()

    def _cancel_waiting(self) -> None:
        """Answer those who wait for loads that will not start any more."""
        with self._lock:
            waiting = [flight for key, flight in self._flying.items() if key in self._unused]
            self._flying = {k: f for k, f in self._flying.items() if k not in self._unused}
            self._unused.clear()
        for flight in waiting:
            flight.cancel()
