"""Files that are kept open while boxes of them are read, a bounded number of them."""

from __future__ import annotations

import os
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from dicube_core.forks import ForkSafeLock
from dicube_plugins.volume.frame_cache import FrameCache
from dicube_plugins.volume.lazy_volume import LazyVolume

if TYPE_CHECKING:
    from dicube_plugins.volume.lazy_volume import Values

__all__ = ["OpenVolumes"]


class OpenVolumes:
    """Opens files when they are asked for, and keeps those that were used last.

    A file that was replaced by another since is opened again. Safe for several threads and after
    fork; a copy in another process (pickled) begins with none.

    Parameters
    ----------
    max_open : int
        Files that are kept open.
    cache_bytes : int
        Bytes of decoded frames that are kept, all files together; 0 for none.
    values, sheared
        As for `LazyVolume`.
    """

    def __init__(
        self,
        max_open: int = 8,
        cache_bytes: int = 0,
        *,
        values: Values = "modality",
        sheared: bool = False,
    ) -> None:
        if max_open < 1 or cache_bytes < 0:
            raise ValueError(
                f"at least 1 file is kept open and 0 bytes are kept, not {max_open} and "
                f"{cache_bytes}"
            )
        self._bounds = (max_open, cache_bytes)
        self._options: dict[str, Any] = {"values": values, "sheared": sheared}
        self._cache = FrameCache(cache_bytes) if cache_bytes else None
        self._lock = ForkSafeLock()
        self._open: OrderedDict[str, tuple[object, LazyVolume]] = OrderedDict()

    def get(self, path: str | os.PathLike[str]) -> LazyVolume:
        """Return an open file. It closes when neither this object nor anybody else holds it.

        Raises
        ------
        GeometryError, InvalidCubeFileError, OSError
            As `LazyVolume`.
        """
        key = os.fspath(path)
        mark = _mark(key)
        with self._lock:
            found = self._open.get(key)
            if found is not None and found[0] == mark:
                self._open.move_to_end(key)
                return found[1]
        volume = LazyVolume(key, cache=self._cache, **self._options)
        with self._lock:
            self._open[key] = (mark, volume)
            self._open.move_to_end(key)
            while len(self._open) > self._bounds[0]:
                self._open.popitem(last=False)
        return volume

    def close(self) -> None:
        """Let go of all files and frames; the object can be used again."""
        with self._lock:
            self._open.clear()
        if self._cache is not None:
            self._cache.clear()

    def __len__(self) -> int:
        return len(self._open)

    def __getstate__(self) -> dict[str, Any]:
        return {"bounds": self._bounds, "options": self._options}

    def __setstate__(self, state: dict[str, Any]) -> None:
        OpenVolumes.__init__(self, *state["bounds"], **state["options"])


def _mark(path: str) -> object:
    """Return what is another for another file at the same path; None for what is no path."""
    try:
        status = os.stat(path)  # noqa: PTH116 - URLs are no paths, and must not become some
    except (OSError, ValueError):
        return None
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns
