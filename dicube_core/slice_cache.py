"""A cache of values that are costly to make: bounded, with one load per key in flight."""

from __future__ import annotations

import contextlib
import threading
from collections import OrderedDict, deque
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Generic, TypeVar

from dicube_core.exceptions import ReaderClosedError
from dicube_core.forks import renew_after_fork

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable

__all__ = ["CacheCounts", "SliceCache"]

K = TypeVar("K", bound="Hashable")

#: Seconds after which a thread that has nothing to load ends. Threads that are still there when
#: the interpreter exits delay it by as much.
_IDLE = 0.2


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


class _Flight:
    """A load that somebody is at, for others to wait for."""

    __slots__ = ("done", "error", "value")

    def __init__(self) -> None:
        self.done = threading.Event()
        self.value: bytes | None = None
        self.error: Exception | None = None


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
        Threads that load ahead. They start when there is something to load, and end when there
        is nothing for a moment, and with `close`.
    """

    def __init__(
        self, load: Callable[[K], bytes], *, max_items: int, max_bytes: int, n_threads: int = 1
    ) -> None:
        self._load = load
        self._max_items, self._max_bytes, self._n_threads = max_items, max_bytes, n_threads
        self._closed = False
        self.renew()
        renew_after_fork(self)

    def renew(self) -> None:
        """Begin empty, with locks and threads of this process."""
        self._lock = threading.Lock()
        self._queued = threading.Condition(self._lock)
        self._values: OrderedDict[K, bytes] = OrderedDict()
        self._unused: set[K] = set()  # loaded ahead, not asked for yet
        self._flying: dict[K, _Flight] = {}
        self._queue: deque[K] = deque()  # to be loaded ahead
        self._threads: set[threading.Thread] = set()
        #: Those that take nothing more, and are about to end.
        self._ending: set[threading.Thread] = set()
        self._bytes = 0
        self._counts = CacheCounts()

    def get(self, key: K) -> bytes:
        """Return the value of a key, loading it in this thread unless somebody is at it.

        Raises
        ------
        ReaderClosedError
            The cache is closed, or was while this call waited for another's load.
        """
        mine: _Flight | None = None
        try:
            while True:
                with self._lock:
                    if self._closed:
                        raise _closed_error()
                    value = self._values.get(key)
                    flight = self._flying.get(key)
                    if value is None and flight is None:
                        self._counts.misses += 1
                        mine = _Flight()
                        self._flying[key] = mine
                        break
                    self._counts.hits += 1
                    self._mark_used(key)
                    if value is not None:
                        self._values.move_to_end(key)
                        return value
                assert flight is not None  # noqa: S101 - for the type checker
                flight.done.wait()
                if flight.value is not None:
                    return flight.value
                if flight.error is not None:
                    raise flight.error
                # The thread that was at it was interrupted, which is nobody else's business.
            return self._fly(key, mine)
        finally:
            if mine is not None and not mine.done.is_set():
                self._land(key, mine)  # an interrupt came between the lines
            # An error knows the frames that it came through. If one of them knew the error, both,
            # and the open file, would stay until the garbage collector comes.
            mine = flight = None

    def _mark_used(self, key: K) -> None:
        if key in self._unused:
            self._unused.discard(key)
            self._counts.preloads_used += 1

    def _fly(self, key: K, flight: _Flight) -> bytes:
        """Load a key, keep the value, and answer all who wait."""
        value: bytes | None = None
        try:
            value = self._load(key)
        except Exception as exc:
            self._land(key, flight, error=exc)
            del flight  # see `get`
            raise
        except BaseException:
            self._land(key, flight)
            raise
        self._land(key, flight, value)
        return value

    def _land(
        self,
        key: K,
        flight: _Flight,
        value: bytes | None = None,
        error: Exception | None = None,
    ) -> None:
        """Keep the value, and answer all who wait."""
        with self._lock:
            if self._flying.get(key) is flight:  # else they were answered by `close`
                del self._flying[key]
                self._keep(key, value)
                flight.value, flight.error = value, error
        flight.done.set()

    def _keep(self, key: K, value: bytes | None) -> None:
        """Put a value in and drop the oldest ones; the lock is held."""
        if value is None:
            self._unused.discard(key)
            return
        self._values[key] = value
        self._bytes += len(value)
        if len(value) > self._max_bytes:
            self._drop(key)  # alone, instead of all others
        while len(self._values) > self._max_items or self._bytes > self._max_bytes:
            self._drop(next(iter(self._values)))
            self._counts.evictions += 1

    def _drop(self, key: K) -> None:
        self._bytes -= len(self._values.pop(key))
        if key in self._unused:
            self._unused.discard(key)
            self._counts.preloads_wasted += 1

    def preload(self, keys: Iterable[K]) -> None:
        """Load keys that are neither here nor on their way, on the cache's own threads.

        They take the place of those that an earlier call asked for and nobody has begun with.
        An error is not kept: it comes up when the key is asked for.
        """
        with self._lock:
            if self._closed or not self._max_items:
                return
            self._queue = deque(k for k in keys if k not in self._values and k not in self._flying)
            self._queued.notify(len(self._queue))
            while len(self._threads) < min(self._n_threads, len(self._queue)):
                thread = threading.Thread(target=self._work, name="dicube-preload")
                try:
                    self._threads.add(thread)
                    thread.start()
                except RuntimeError:  # none to be had, or the interpreter is ending
                    self._threads.discard(thread)
                    self._queue.clear()
                except BaseException:  # an interrupt: nobody knows whether it will ever run
                    self._threads.discard(thread)
                    raise

    def _work(self) -> None:
        """Load what is queued; the body of a thread."""
        with self._lock:
            self._threads.add(threading.current_thread())  # it is not, after an interrupt
        while True:
            with self._lock:
                if not self._queue and not self._closed:
                    self._queued.wait(_IDLE)
                if not self._queue:
                    this = threading.current_thread()
                    self._threads.discard(this)
                    self._ending = {one for one in self._ending if one.is_alive()} | {this}
                    return
                key = self._queue.popleft()
                if key in self._values or key in self._flying:
                    continue
                flight = self._flying[key] = _Flight()
                self._unused.add(key)
            with contextlib.suppress(Exception):  # whoever asks for the key meets it again
                self._fly(key, flight)

    @property
    def counts(self) -> CacheCounts:
        """A copy of the counters."""
        with self._lock:
            return replace(self._counts)

    @property
    def n_bytes(self) -> int:
        """Bytes held."""
        return self._bytes

    @property
    def n_flying(self) -> int:
        """Loads on their way."""
        return len(self._flying)

    def __len__(self) -> int:
        return len(self._values)

    def __contains__(self, key: object) -> bool:
        return key in self._values

    def clear(self) -> None:
        """Drop all values; loads on their way are not stopped."""
        with self._lock:
            self._clear()

    def _clear(self) -> None:
        for key in list(self._values):
            self._drop(key)

    def close(self) -> None:
        """Drop all values, answer all who wait with an error, and end the threads.

        May be called again. Returns when the threads have ended.
        """
        with self._lock:
            self._closed = True
            self._queue.clear()
            self._queued.notify_all()
            waited_for, self._flying = self._flying, {}
            for flight in waited_for.values():
                flight.error = _closed_error()
                flight.done.set()
            self._clear()
            self._unused.clear()
            threads = (self._threads | self._ending) - {threading.current_thread()}
        for thread in threads:
            thread.join()


def _closed_error() -> ReaderClosedError:
    return ReaderClosedError("the reader was closed")
