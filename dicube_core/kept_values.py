"""Keep values that took work to make, up to a number of bytes."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["KeptValues"]

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class KeptValues(Generic[K, V]):
    """The first values that were made, until they have `limit` bytes together.

    A file decides what is made of it, and may hold it packed in a thousandth of its size. Safe
    for several threads and after fork: no lock is held. Two threads at once may go a little over.

    Parameters
    ----------
    limit : int
        Bytes.
    size : callable
        Returns the bytes of a value.
    """

    __slots__ = ("_limit", "_size", "_total", "_values")

    def __init__(self, limit: int, size: Callable[[V], int]) -> None:
        self._limit, self._size = limit, size
        self._values: dict[K, V] = {}
        self._total = 0

    def get(self, key: K) -> V | None:
        """Return what is kept, None where nothing is."""
        return self._values.get(key)

    def add(self, key: K, value: V) -> V:
        """Keep a value if there is room; return the one that is kept under the key, or this."""
        size = self._size(value)
        if self._total + size > self._limit:
            return self._values.get(key, value)
        kept = self._values.setdefault(key, value)
        if kept is value:  # counted once, whichever thread was first
            self._total += size
        return kept
