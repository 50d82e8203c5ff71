"""Decoded frames of several files, as many as fit into so many bytes."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary, WeakValueDictionary

import numpy as np

from dicube_core.slice_cache import SliceCache

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy.typing as npt

    from dicube_core.reader import Reader

__all__ = ["CachedFrames", "FrameCache"]


class FrameCache:
    """Keeps the frames that were decoded last. Safe for several threads; empty after a fork.

    Parameters
    ----------
    max_bytes : int
        Of decoded frames, all files together.
    """

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self._decoder = _Decoder()
        self._frames = SliceCache(self._decoder, max_items=1 << 20, max_bytes=max_bytes)

    def of(self, reader: Reader) -> CachedFrames:
        """Return the frames of an open file."""
        return CachedFrames(self._frames, self._decoder.number_of(reader), reader)

    @property
    def n_bytes(self) -> int:
        """Bytes that are held."""
        return self._frames.n_bytes

    def clear(self) -> None:
        """Forget all frames."""
        self._frames.clear()


class CachedFrames:
    """Frames of one file, out of the cache or decoded into it."""

    def __init__(self, cache: SliceCache[tuple[int, int]], number: int, reader: Reader) -> None:
        self._cache, self._number, self._reader = cache, number, reader

    def __call__(self, frame: int) -> npt.NDArray[Any]:
        """Return a frame, read-only."""
        fmt = self._reader.pixel_format
        data = self._cache.get((self._number, frame))
        return np.frombuffer(data, fmt.dtype).reshape(fmt.shape)

    def missing(self, frames: Iterable[int]) -> list[int]:
        """Return those frames that are to be decoded."""
        return [frame for frame in frames if (self._number, frame) not in self._cache]


class _Decoder:
    """Decodes for the cache; holds no reader, so that files close when nobody reads them."""

    def __init__(self) -> None:
        self._numbers: WeakKeyDictionary[Reader, int] = WeakKeyDictionary()
        self._readers: WeakValueDictionary[int, Reader] = WeakValueDictionary()
        self._next = count()

    def number_of(self, reader: Reader) -> int:
        found = self._numbers.get(reader)
        if found is None:
            found = self._numbers.setdefault(reader, next(self._next))
            self._readers[found] = reader
        return found

    def __call__(self, key: tuple[int, int]) -> bytes:
        number, frame = key
        return self._readers[number].frame(frame).tobytes()
