"""Frames of an open file at one resolution, decoded when they are looked at."""

from __future__ import annotations

from collections import OrderedDict
from operator import index
from typing import TYPE_CHECKING, Any

import numpy as np

from dicube_core.exceptions import CodecUnavailableError, DataConsistencyError
from dicube_core.forks import ForkSafeLock
from dicube_core.frames import run_frames

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from dicube_plugins.shown_values import ShownValues

    Array = npt.NDArray[Any]

__all__ = ["FrameCache", "LazyFrames"]

#: Bytes of frames that a file keeps decoded: some hundreds of slices as they are scrolled through.
_MOST_BYTES = 64 << 20


class FrameCache:
    """Shown values of the frames of a file, those looked at last kept. Safe for several threads.

    Parameters
    ----------
    values : ShownValues
        Of the file, which stays open for as long as this is used.
    """

    def __init__(self, values: ShownValues) -> None:
        self.values = values
        self._lock = ForkSafeLock()
        self._kept: OrderedDict[tuple[int, int], Array] = OrderedDict()
        self._bytes = 0

    def frame(self, number: int, level: int) -> Array:
        """Return a frame of ``ceil(size / 2**level)``; not to be written to."""
        key = number, level
        with self._lock:
            found = self._kept.get(key)
            if found is not None:
                self._kept.move_to_end(key)
                return found
        frame = self._decoded(number, level)
        frame.flags.writeable = False
        with self._lock:
            if key not in self._kept:
                self._kept[key] = frame
                self._bytes += frame.nbytes
            while self._bytes > _MOST_BYTES:
                self._bytes -= self._kept.popitem(last=False)[1].nbytes
        return frame

    def _decoded(self, number: int, level: int) -> Array:
        if not level:
            return self.values.frame(number)
        reader = self.values.reader
        try:
            stored = reader.frame(number, level)
        except (DataConsistencyError, CodecUnavailableError):
            # It has fewer resolutions than the first frame.
            step = 1 << level
            return self.values.frame(number)[::step, ::step].copy()
        return self.values.apply(stored, number, self.values.dtype)

    def __reduce__(self) -> tuple[Any, ...]:
        return FrameCache, (self.values,)


class LazyFrames:
    """An array of frames at one resolution that decodes what numpy is made of, and no more.

    Indexing gives another one, for napari first cuts the shown part out of all frames, and then
    takes one of them. ``numpy.asarray`` decodes. Safe for several threads.

    Parameters
    ----------
    cache : FrameCache
        Where frames come from.
    level : int
        How often the resolution is halved.
    frames : ndarray of int
        Frame numbers, of shape (slices,), or (volumes, ..., slices).
    plane : tuple of int
        Shape of a frame at this resolution.
    cut : tuple of int or slice, optional
        Which part of each frame.
    """

    def __init__(
        self,
        cache: FrameCache,
        level: int,
        frames: npt.NDArray[np.intp],
        plane: tuple[int, ...],
        cut: tuple[int | slice, ...] = (),
    ) -> None:
        self._cache, self.level, self._frames, self._plane = cache, level, frames, plane
        self._cut = cut + (slice(None),) * (len(plane) - len(cut))
        self._cut_shape = tuple(
            len(range(*one.indices(n)))
            for one, n in zip(self._cut, plane, strict=True)
            if isinstance(one, slice)
        )

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the array that it stands for."""
        return (*self._frames.shape, *self._cut_shape)

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """Number of elements."""
        return int(np.prod(self.shape, dtype=np.int64))

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type that holds every value exactly."""
        return self._cache.values.dtype

    @property
    def nbytes(self) -> int:
        """Bytes it would take in memory."""
        return self.size * self.dtype.itemsize

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("len() of unsized object")
        return self.shape[0]

    def __getitem__(self, key: Any) -> LazyFrames:
        """Return a part; nothing is decoded.

        Parameters
        ----------
        key : int, slice, Ellipsis, or a tuple of them
            Arrays of indices may stand for frames only.

        Raises
        ------
        IndexError
            Something else; `numpy.asarray` gives an array that knows it all.
        """
        keys = self._full_key(key if isinstance(key, tuple) else (key,))
        leading = self._frames.ndim
        frames = np.asarray(self._frames[keys[:leading]])
        steps = iter(keys[leading:])
        cut = [
            _composed(one, next(steps), n) if isinstance(one, slice) else one
            for one, n in zip(self._cut, self._plane, strict=True)
        ]
        return LazyFrames(self._cache, self.level, frames, self._plane, tuple(cut))

    def _full_key(self, key: tuple[Any, ...]) -> tuple[Any, ...]:
        if any(one is None for one in key):
            raise IndexError("no new axis can be made of frames on disk: use numpy.asarray first")
        dots = [place for place, one in enumerate(key) if one is Ellipsis]
        if len(key) - len(dots) > self.ndim or len(dots) > 1:
            raise IndexError(f"too many indices for an array of {self.ndim} axes: {key}")
        place = dots[0] if dots else len(key)
        filling = (slice(None),) * (self.ndim - len(key) + len(dots))
        return (*key[:place], *filling, *key[place + 1 :])

    def __array__(self, dtype: npt.DTypeLike | None = None, copy: bool | None = None) -> Array:
        """Decode, on the configured number of threads."""
        if copy is False:
            raise ValueError("frames on disk cannot become an array without a copy")
        numbers: Sequence[int] = self._frames.ravel().tolist()
        result = np.empty((len(numbers), *self._cut_shape), self.dtype)
        reader = self._cache.values.reader
        _ = reader.codec, self._cache.values.colours  # made once, not by every thread

        def work(place: int, number: int) -> None:
            result[place] = self._cache.frame(number, self.level)[self._cut]

        with reader.reading_ahead(numbers, self.level):
            run_frames(work, numbers)
        whole = result.reshape(self.shape)
        return whole if dtype is None else whole.astype(dtype, copy=False)

    def __repr__(self) -> str:
        return f"<LazyFrames {self.shape} {self.dtype}, level {self.level}>"

    def __reduce__(self) -> tuple[Any, ...]:
        state = (self._cache, self.level, self._frames, self._plane, self._cut)
        return LazyFrames, state


def _composed(outer: slice, inner: Any, count: int) -> int | slice:
    """Return what `inner` means of a part `outer` of an axis."""
    steps = range(*outer.indices(count))
    if isinstance(inner, slice):
        chosen = steps[inner]
        stop = chosen.stop if chosen.stop >= 0 else None
        return slice(chosen.start, stop, chosen.step) if len(chosen) else slice(0, 0)
    try:
        return steps[index(inner)]
    except TypeError:
        raise IndexError(
            f"{type(inner).__name__} cannot be an index within frames on disk: use numpy.asarray"
        ) from None
