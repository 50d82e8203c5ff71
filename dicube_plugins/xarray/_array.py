"""The values of a series as xarray's lazy arrays are: indexed, then read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from xarray.backends import BackendArray
from xarray.core import indexing

from dicube_core.frames import run_frames
from dicube_plugins.shown_values import ShownValues

if TYPE_CHECKING:
    import numpy.typing as npt

    from dicube_core.reader import Reader

__all__ = ["FrameArray"]


class FrameArray(BackendArray):  # type: ignore[misc]
    """Decodes the frames that an index touches, and no other, and keeps none.

    Safe for several threads and after fork. Pickles as its reader does: the file must still be
    the same one where it is opened again.

    Parameters
    ----------
    reader : Reader
        Stays the caller's to close.
    grid : ndarray of int
        Frame number at each place of the axes before rows and columns.
    stored : bool
        Give stored values, without the bits that are none of the pixel's, in place of modality
        values or RGB.
    """

    def __init__(self, reader: Reader, grid: npt.NDArray[np.intp], *, stored: bool) -> None:
        self.reader, self.grid, self.stored = reader, grid, stored
        self._shown = ShownValues(reader)
        self._plane = reader.pixel_format.shape if stored else self._shown.plane
        self.shape = (*grid.shape, *self._plane)
        self.dtype = np.dtype(reader.dtype if stored else self._shown.dtype)

    def __getitem__(self, key: indexing.ExplicitIndexer) -> npt.NDArray[Any]:
        """Return the values at an index of xarray's."""
        if not isinstance(key, indexing.VectorizedIndexer):
            # Arrays of positions, too: frames between them are not decoded. xarray itself fails
            # where a slice that runs backwards is empty.
            return self._read(key.tuple)
        outer = indexing.IndexingSupport.OUTER
        values: npt.NDArray[Any] = indexing.explicit_indexing_adapter(
            key, self.shape, outer, self._read
        )
        return values

    def _read(self, key: tuple[Any, ...]) -> npt.NDArray[Any]:
        """Return the values at one integer, slice or array of positions for each axis."""
        n_axes = self.grid.ndim
        frames = _outer(self.grid, key[:n_axes])
        within, samples = key[n_axes : n_axes + 2], key[n_axes + 2 :]
        cut = _shape(self._plane[:2], within)
        size = _shape(self._plane, key[n_axes:])
        out = np.empty((*frames.shape, *size), self.dtype)
        if not out.size:
            return out
        flat = out.reshape(-1, *size)
        whole = not self.stored and all(map(_takes_all, key[n_axes:], self._plane))
        last = (*(slice(None) for _ in cut), *samples)
        _ = self.reader.codec  # made once, not by every thread

        def work(position: int, frame: int) -> None:
            if whole:
                self._shown.frame(frame, None, flat[position])
            else:
                flat[position] = _outer(self._values(frame, within, cut), last)

        chosen = frames.ravel().tolist()
        with self.reader.reading_ahead(chosen):
            run_frames(work, chosen)
        return out

    def _values(
        self, frame: int, within: tuple[Any, ...], cut: tuple[int, ...]
    ) -> npt.NDArray[Any]:
        """Return a part of a frame, of shape `cut` and with all its samples."""
        part = _outer(self.reader.frame(frame), within)
        if self.stored:
            return self.reader.pixel_format.pixel_values(part)
        # Two axes, whatever the index left of them: colour is reckoned pixel by pixel.
        flat = part.reshape((1, -1, *part.shape[len(cut) :]))
        return self._shown.apply(flat, frame, self.dtype).reshape((*cut, *self._plane[2:]))

    def __reduce__(self) -> tuple[Any, ...]:
        return _make, (self.reader, self.grid, self.stored)


def _make(reader: Reader, grid: npt.NDArray[np.intp], stored: bool) -> FrameArray:
    return FrameArray(reader, grid, stored=stored)


def _outer(array: npt.NDArray[Any], key: tuple[Any, ...]) -> npt.NDArray[Any]:
    """Index each axis by its own integer, slice or array of positions."""
    for axis in reversed(range(len(key))):  # backwards, for integers take their axis away
        array = np.asarray(array[(slice(None),) * axis + (key[axis],)])
    return array


def _shape(shape: tuple[int, ...], key: tuple[Any, ...]) -> tuple[int, ...]:
    """Return the shape of what an index takes of an array."""
    return _outer(np.broadcast_to(np.False_, shape), key).shape


def _takes_all(item: Any, length: int) -> bool:
    """Tell whether an index takes all of an axis, in order."""
    return isinstance(item, slice) and range(length)[item] == range(length)
