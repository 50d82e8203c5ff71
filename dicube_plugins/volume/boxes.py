"""Decode the part of a file that a box of voxels needs."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from dicube_core.exceptions import DataConsistencyError
from dicube_core.frames import run_frames
from dicube_core.settings import get_num_threads
from dicube_plugins.volume.turning import Turner

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import numpy.typing as npt

    from dicube_plugins.volume.scaling import Scaling
    from dicube_plugins.volume.series_array import SeriesArray

    Array = npt.NDArray[Any]
    #: Returns a decoded frame, which is not changed.
    Decode = Callable[[int], Array]

__all__ = ["Box", "grid_starts", "read_box", "read_box_z_last"]

#: Frames that are turned together: a pixel of all these frames is about a line of the
#: processor's cache.
_FRAMES = 16


@dataclass(frozen=True, slots=True)
class Box:
    """Which voxels of an array (x, y, z, ...).

    Parameters
    ----------
    columns, rows : slice
        Part of each frame (array axes x and y).
    planes : tuple of range
        Which places along each of the other array axes (z, ...), in which order.
    """

    columns: slice
    rows: slice
    planes: tuple[range, ...]

    @classmethod
    def at(cls, start: Sequence[int], size: Sequence[int]) -> Box:
        """Return the box of a size, one number per axis."""
        slices = [slice(first, first + count) for first, count in zip(start, size, strict=True)]
        planes = tuple(range(one.start, one.stop) for one in slices[2:])
        return cls(slices[0], slices[1], planes)

    def plane_of(self, shape: Sequence[int]) -> tuple[int, int]:
        """Return (height, width) of the part of a frame, of an array of this shape."""
        columns, rows = shape[:2]
        height, width = (
            len(range(*part.indices(length)))
            for part, length in ((self.rows, rows), (self.columns, columns))
        )
        return height, width


class _Planes(threading.local):
    """Decodes single frames, in memory that each thread uses again."""

    def __init__(self, series: SeriesArray, box: Box, decode: Decode | None):
        self._series, self._decode = series, decode
        self._part = (box.rows, box.columns)
        self._is_whole = box.plane_of(series.shape) == series.reader.pixel_format.shape[:2]
        self._is_whole &= all(one.step in (None, 1) for one in self._part)
        self._scratch: Array | None = None

    def stored(self, frame: int, out: Array | None = None) -> Array:
        """Return the stored values of a frame's part: `out`, if they were decoded there."""
        if self._decode is not None:
            return self._decode(frame)[self._part]
        reader = self._series.reader
        if self._is_whole and out is not None and out.flags.c_contiguous:
            return reader.frame(frame, out=out)
        if self._scratch is None:
            fmt = reader.pixel_format
            self._scratch = np.empty(fmt.shape, fmt.dtype)
        return reader.frame(frame, out=self._scratch)[self._part]

    def fill(self, frame: int, scaling: Scaling, out: Array) -> None:
        """Put the values of a frame's part into `out`."""
        stored = self.stored(frame, out if scaling.takes_decoded else None)
        if stored is not out or not scaling.is_copy:
            scaling.apply(stored, frame, out)


def read_box(
    series: SeriesArray,
    box: Box,
    scaling: Scaling,
    decode: Decode | None = None,
    n_threads: int | None = None,
) -> Array:
    """Return the voxels of a box, frame by frame.

    Parameters
    ----------
    series : SeriesArray
        The file.
    box : Box
        Within its shape.
    scaling : Scaling
        What becomes of stored values.
    decode : callable, optional
        ``decode(frame)``, for instance out of a cache.
    n_threads : int, optional
        Those configured, by default.

    Returns
    -------
    ndarray of shape (..., z, y, x) or (..., z, y, x, 3)
        A new array.

    Raises
    ------
    DecodeError, ChecksumError
        A frame is damaged; the message names it and its byte offset.
    """
    places = series.frame_grid[np.ix_(*box.planes)].T
    frames = places.ravel().tolist()
    plane = box.plane_of(series.shape)
    samples = _samples(scaling)
    out = np.empty((len(frames), *plane, *samples), scaling.dtype)
    boxed = out.reshape(*places.shape, *plane, *samples)
    if not out.size:
        return boxed
    planes = _Planes(series, box, decode)

    def work(position: int, frame: int) -> None:
        planes.fill(frame, scaling, out[position])

    _ = series.reader.codec  # made once, not by every thread
    with series.reader.reading_ahead(_to_decode(frames, decode)):
        run_frames(work, frames, n_threads)
    return boxed


def read_box_z_last(
    series: SeriesArray,
    box: Box,
    scaling: Scaling,
    decode: Decode | None = None,
    n_threads: int | None = None,
) -> Array:
    """Return the voxels of a box of one volume of grey as a C-contiguous array (x, y, z).

    Frames are turned a few at a time, which takes a fraction of the time of turning all in the
    end; see `read_box`.
    """
    (planes_z,) = box.planes
    frames = series.frame_grid[planes_z.start : planes_z.stop : planes_z.step].tolist()
    height, width = box.plane_of(series.shape)
    out = np.empty((width, height, len(frames)), scaling.dtype)
    if not out.size:
        return out
    planes = _Planes(series, box, decode)
    threads = n_threads or get_num_threads()
    # As many groups for each thread as for the others.
    groups = threads * -(-len(frames) // (_FRAMES * threads))
    step = -(-len(frames) // groups)
    # Stored values are fewer bytes to turn; but each frame may have a slope of its own.
    late = scaling.transform is None or series.scale_factors is not None
    turned = series.reader.dtype if late else scaling.dtype
    own = threading.local()

    def work(_: int, first: int) -> None:
        chosen = frames[first : first + step]
        if not hasattr(own, "part"):
            own.part = np.empty((step, height, width), turned)
            own.turner = Turner(scaling.dtype)
        for part, frame in zip(own.part, chosen, strict=False):
            if not late:
                planes.fill(frame, scaling, part)
            elif (stored := planes.stored(frame, part)) is not part:
                part[...] = stored

        def finish(stored: Array, values: Array) -> None:
            scaling.apply(stored, chosen[0], values)  # the frame makes no difference

        stack = own.part[: len(chosen)]
        place = out[..., first : first + len(chosen)]
        own.turner.turn(stack, place, finish if late and not scaling.is_copy else None)

    _ = series.reader.codec
    with series.reader.reading_ahead(_to_decode(frames, decode)):
        run_frames(work, range(0, len(frames), step), threads)
    return out


def grid_starts(
    shape: Sequence[int], size: Sequence[int], overlap: Sequence[int]
) -> Iterator[tuple[int, ...]]:
    """Yield where the boxes start that cover an array, the first axis slowest.

    The last box along an axis ends where the array does, so that all are of one size; one that
    is larger than the array starts at 0.

    Raises
    ------
    DataConsistencyError
        The overlap is not smaller than the box.
    """
    axes = []
    for length, wanted, shared in zip(shape, size, overlap, strict=True):
        if not 0 <= shared < wanted:
            raise DataConsistencyError(
                f"boxes of {tuple(size)} cannot overlap by {tuple(overlap)}: less than their size "
                "is needed"
            )
        last = max(0, length - wanted)
        axes.append(sorted({*range(0, last, wanted - shared), last}))
    yield from product(*axes)


def _to_decode(frames: list[int], decode: Decode | None) -> list[int]:
    """Return the frames that no cache has."""
    missing: Any = getattr(decode, "missing", None)
    if missing is None:
        return frames if decode is None else []
    found: list[int] = missing(frames)
    return found


def _samples(scaling: Scaling) -> tuple[int, ...]:
    plain = scaling.colours is None or scaling.dtype.fields is not None
    return () if plain else (3,)
