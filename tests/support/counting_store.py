"""A store in memory in which a request takes long: it notes every range that is asked for."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from dicube_core.source import BytesSource, Requests

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["CountingStore"]


class CountingStore(BytesSource):
    """Bytes with a log. `before` is called in each request, before it is answered."""

    def __init__(
        self,
        data: bytes,
        requests: Requests | None = None,
        before: Callable[[int, int], None] | None = None,
    ) -> None:
        super().__init__(data, "store")
        self.requests = requests or Requests()
        self.before = before
        self.log: list[tuple[int, int]] = []
        self.busy = self.most_at_once = 0
        self._lock = threading.Lock()

    def read_at(self, offset: int, length: int) -> bytes:
        with self._lock:
            self.log.append((offset, length))
            self.busy += 1
            self.most_at_once = max(self.most_at_once, self.busy)
        try:
            if self.before is not None:
                self.before(offset, length)
            return super().read_at(offset, length)
        finally:
            with self._lock:
                self.busy -= 1

    def __reduce__(self) -> tuple[type[CountingStore], tuple[bytes, Requests]]:
        return CountingStore, (self._data, self.requests)
