"""A file as a lazy array (x, y, z, ...) in RAS millimetres."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from dicube_core.exceptions import DataConsistencyError, FrameIndexError
from dicube_core.lazy import lazy
from dicube_core.reader import Reader
from dicube_plugins.volume.boxes import Box, read_box, read_box_z_last
from dicube_plugins.volume.scaling import Scaling, is_exact_in
from dicube_plugins.volume.series_array import SeriesArray
from dicube_plugins.volume.threads import threads_here

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence
    from typing import Self

    import numpy.typing as npt

    from dicube_plugins.volume.frame_cache import CachedFrames, FrameCache

__all__ = ["LazyVolume"]

Values = Literal["modality", "stored"]


class LazyVolume:
    """The voxels of a file, read box by box. Safe for several threads and after fork.

    Array axes are (x, y, z) = (columns, rows, frames); a series of several volumes has one more
    for each dimension, time first. Colour has a last axis of red, green and blue. Pickles as the
    path of the file.

    Parameters
    ----------
    source : path, URL, Reader, or what `Reader` takes
        The file. A `Reader` stays the caller's to close.
    values : {"modality", "stored"}
        Modality values, each frame by its own slope and intercept or Modality LUT (DICOM PS3.3
        C.11.1); or values as they are stored, less bits that are no part of them. Colour is RGB
        in both cases.
    sheared : bool
        Take the true affine of a gantry tilt; see `SeriesArray`.
    cache : FrameCache, optional
        Where decoded frames are kept.

    Raises
    ------
    GeometryError
        The slices form no regular grid; the message says why, and how to read them anyway.
    UnsupportedKindError
        Colour of a kind that is not turned into RGB.
    InvalidCubeFileError
        Not a valid ``.dcbs`` file.
    OSError
        It cannot be opened.
    """

    def __init__(
        self,
        source: str | os.PathLike[str] | Any,
        *,
        values: Values = "modality",
        sheared: bool = False,
        cache: FrameCache | None = None,
    ) -> None:
        if values not in ("modality", "stored"):
            raise ValueError(f"values are 'modality' or 'stored', not {values!r}")
        self._values, self._cache = values, cache
        self._owned = not isinstance(source, Reader)
        reader = source if isinstance(source, Reader) else Reader(source)
        try:
            self._series = SeriesArray(reader, sheared=sheared)
        except BaseException:
            if self._owned:
                reader.close()
            raise

    @property
    def reader(self) -> Reader:
        """The open file."""
        return self._series.reader

    @property
    def series(self) -> SeriesArray:
        """Shape, place and meaning of the voxels."""
        return self._series

    @property
    def name(self) -> str:
        """Path of the file, or a description of the source."""
        return self._series.name

    @property
    def shape(self) -> tuple[int, ...]:
        """(x, y, z), or more; without the axis of colour."""
        return self._series.shape

    @property
    def ndim(self) -> int:
        """Number of axes, without that of colour."""
        return len(self._series.shape)

    @property
    def samples(self) -> int:
        """1, or 3 for colour."""
        return 1 if self._series.colours is None else 3

    @property
    def affine(self) -> npt.NDArray[np.float64]:
        """(x, y, z, 1) to RAS mm, shape (4, 4); read-only."""
        return self._series.affine

    @property
    def spacing(self) -> tuple[float, ...]:
        """Millimetres along x, y and z."""
        return self._series.zooms[:3]

    @lazy
    def dtype(self) -> np.dtype[Any]:
        """Type that holds every value exactly."""
        if self._values == "stored":
            return self._series.stored_dtype
        return self._series.exact_dtype

    @lazy
    def float_dtype(self) -> np.dtype[Any]:
        """The same, but float32 in place of integers of 32 bits if it holds every value exactly.

        So it is for the usual 16 bits with an intercept. Who wants floats in the end is spared a
        conversion.
        """
        single = np.dtype(np.float32)
        wide = self.dtype.kind in "iu" and self.dtype.itemsize == single.itemsize
        exact = self._values == "modality" and self.samples == 1
        return single if wide and exact and is_exact_in(self._series, single) else self.dtype

    def affine_at(self, start: Sequence[int]) -> npt.NDArray[np.float64]:
        """Return the affine of a box that starts at a voxel, a new array."""
        affine = self.affine.copy()
        affine[:3, 3] += affine[:3, :3] @ np.asarray(start[:3], float)
        return affine

    def read(
        self,
        start: Sequence[int] | None = None,
        size: Sequence[int] | None = None,
        *,
        dtype: npt.DTypeLike | None = None,
        order: Literal["F", "C"] = "F",
        n_threads: int | None = None,
    ) -> npt.NDArray[Any]:
        """Return the voxels of a box; frames that it does not touch are not decoded.

        Parameters
        ----------
        start, size : sequence of int, optional
            First voxel and number of voxels along each axis; everything by default.
        dtype : dtype, optional
            A floating type, or an integer type that holds the values; `dtype` by default. Real
            values are reckoned in float64 and rounded once, where that makes a difference.
        order : {"F", "C"}
            How the result lies in memory: frame by frame, or with x slowest. "C" takes longer
            here, and spares a copy to those who need it.
        n_threads : int, optional
            Those configured, or a data loader worker's share of them.

        Returns
        -------
        ndarray of shape (x, y, z, ...) or (x, y, z, ..., 3)
            A new array.

        Raises
        ------
        FrameIndexError
            The box reaches out of the array.
        DataConsistencyError
            The type does not hold the values.
        DecodeError, ChecksumError
            A frame is damaged; the message names it and its byte offset.
        """
        box = self._box(start, size)
        scaling = self._scaling(self.dtype if dtype is None else np.dtype(dtype))
        threads = threads_here() if n_threads is None else n_threads
        decode = self._decode(box)
        if order == "C" and self.samples == 1 and self.ndim == 3:
            return read_box_z_last(self._series, box, scaling, decode, threads)
        found = read_box(self._series, box, scaling, decode, threads)
        turned = found.T if self.samples == 1 else np.moveaxis(found.T, 0, -1)
        return np.ascontiguousarray(turned) if order == "C" else turned

    def _box(self, start: Sequence[int] | None, size: Sequence[int] | None) -> Box:
        shape = self.shape
        first = [0] * len(shape) if start is None else [int(n) for n in start]
        if size is None:
            count = [length - n for n, length in zip(first, shape, strict=False)]
        else:
            count = [int(n) for n in size]
        if not len(first) == len(count) == len(shape):
            raise DataConsistencyError(
                f"{self.name}: an array of {len(shape)} axes is read by as many numbers, not by "
                f"start {first} and size {count}"
            )
        for axis, (n, length, whole) in enumerate(zip(first, count, shape, strict=True)):
            if n < 0 or length < 0 or n + length > whole:
                raise FrameIndexError(
                    f"{self.name}: {length} voxels from {n} are asked for along axis {axis}, "
                    f"which has {whole}"
                )
        return Box.at(first, count)

    def _decode(self, box: Box) -> CachedFrames | None:
        """Return what gives frames out of the cache, where that is of use."""
        cache, fmt = self._cache, self.reader.pixel_format
        n_frames = prod(map(len, box.planes))
        # Who reads many whole frames has them then; keeping them, too, would only take memory.
        whole = n_frames > 1 and box.plane_of(self.shape) == fmt.shape[:2]
        if cache is None or whole or n_frames * fmt.n_bytes > cache.max_bytes:
            return None
        return cache.of(self.reader)

    def _scaling(self, dtype: np.dtype[Any]) -> Scaling:
        if self._values == "modality" or self.samples > 1:
            return Scaling.exact(self._series, dtype)
        return Scaling.stored(self._series, dtype)

    def close(self) -> None:
        """Close the file if this object opened it; may be called again."""
        if self._owned:
            self.reader.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def __getstate__(self) -> dict[str, Any]:
        return {"reader": self.reader, "values": self._values, "sheared": self._series.sheared}

    def __setstate__(self, state: dict[str, Any]) -> None:
        LazyVolume.__init__(self, state["reader"], values=state["values"], sheared=state["sheared"])
        self._owned = True  # the copy of the reader is nobody else's

    def __repr__(self) -> str:
        return f"<LazyVolume {self.name!r}, {self.shape}, {self.dtype}>"
