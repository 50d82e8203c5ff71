"""Files that a process keeps open while it reads single frames of them."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

from dicube_core.forks import ForkSafeLock
from dicube_core.reader import Reader
from dicube_plugins.shown_values import ShownValues

__all__ = ["OpenFrames"]


class OpenFrames:
    """The files that were used last. Safe for several threads; a pickled copy begins with none.

    Parameters
    ----------
    max_open : int
        How many.
    """

    def __init__(self, max_open: int) -> None:
        if max_open < 1:
            raise ValueError(f"at least 1 file is kept open, not {max_open}")
        self._max_open = max_open
        self._lock = ForkSafeLock()
        self._open: OrderedDict[str, ShownValues] = OrderedDict()

    def get(self, path: str) -> ShownValues:
        """Return the values of an open file. It closes when nobody holds it any more."""
        with self._lock:
            found = self._open.get(path)
            if found is not None:
                self._open.move_to_end(path)
                return found
        found = ShownValues(Reader(path))
        with self._lock:
            self._open[path] = found
            while len(self._open) > self._max_open:
                self._open.popitem(last=False)
        return found

    def __getstate__(self) -> dict[str, Any]:
        return {"max_open": self._max_open}

    def __setstate__(self, state: dict[str, Any]) -> None:
        OpenFrames.__init__(self, state["max_open"])
