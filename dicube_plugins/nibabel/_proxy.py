"""An array proxy that decodes the frames it is asked for."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from dicube_core.exceptions import DataConsistencyError
from dicube_core.slice_cache import SliceCache
from dicube_plugins.nibabel._slicing import select
from dicube_plugins.volume import Scaling, read_box

if TYPE_CHECKING:
    import numpy.typing as npt

    from dicube_core.reader import Reader
    from dicube_plugins.nibabel._series import Series
    from dicube_plugins.nibabel._slicing import Selection

__all__ = ["DcbsArrayProxy"]

#: Bytes of decoded frames that one proxy keeps: 64 frames of 512x512 in 16 bits.
_CACHE_BYTES = 32 << 20


class DcbsArrayProxy:
    """The voxels of a file, behind nibabel's interface of array proxies.

    Array axes are (x, y, z) = (columns, rows, frames); a series of several volumes has more, such
    as (x, y, z, time). Indexing decodes the frames that are
    touched, and no other; a few of them are kept, bounded in bytes. Values are what nibabel makes
    of a NIfTI file with the same stored values and scale factors: stored values where the factors
    are 1 and 0, else float64. Bits outside of BitsStored take no part. Frames with their own
    factors (PET) are scaled by their own; a Modality LUT takes the place of factors. Colour is
    nibabel's record type of R, G and B.

    Safe for several threads and after fork. Pickles as the path of the file.

    Parameters
    ----------
    series : Series
        The opened file.
    shape : tuple of int, optional
        Another shape with as many voxels, in Fortran order; see `reshape`.
    """

    def __init__(self, series: Series, shape: tuple[int, ...] | None = None) -> None:
        self._series = series
        self._shape: tuple[int, ...] = series.shape if shape is None else shape
        self._frames = SliceCache(_Loader(series.reader), max_items=1 << 16, max_bytes=_CACHE_BYTES)

    @property
    def series(self) -> Series:
        """The opened file."""
        return self._series

    @property
    def is_whole(self) -> bool:
        """Whether the array has the shape that the file has."""
        return self._shape == self._series.shape

    @property
    def shape(self) -> tuple[int, ...]:
        """(x, y, z), or more."""
        return self._shape

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self._shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the **stored** values, as nibabel's proxies have it."""
        return self._series.stored_dtype

    @property
    def is_proxy(self) -> bool:
        """True: nibabel asks for it."""
        return True

    @property
    def slope(self) -> float | None:
        """Factor from stored to scaled values, None where no single one says it all."""
        factors = self._series.scale_factors
        return None if factors is None else factors[0]

    @property
    def inter(self) -> float | None:
        """Summand from stored to scaled values, None where no single one says it all."""
        factors = self._series.scale_factors
        return None if factors is None else factors[1]

    def get_unscaled(self) -> npt.NDArray[Any]:
        """Return all stored values, before slope and intercept."""
        return self._read((), Scaling.none(self._series))

    def _get_scaled(self, dtype: npt.DTypeLike | None, slicer: object) -> npt.NDArray[Any]:
        """Return scaled values in a type that is at least `dtype`; nibabel's own name for it."""
        kind = self._series.voxel_dtype
        if dtype is not None and self._series.colours is None:
            kind = np.promote_types(kind, np.dtype(dtype))
        elif dtype is not None:
            kind = np.dtype(dtype)
        return self._read(slicer, Scaling.to(self._series, kind))

    def __getitem__(self, slicer: object) -> npt.NDArray[Any]:
        return self._get_scaled(None, slicer)

    def __array__(
        self, dtype: npt.DTypeLike | None = None, copy: bool | None = None
    ) -> npt.NDArray[Any]:
        if copy is False:
            raise ValueError("the voxels are decoded: an array of them is always a new one")
        kind = self._series.voxel_dtype if dtype is None else np.dtype(dtype)
        return self._read((), Scaling.to(self._series, kind))

    def reshape(self, shape: tuple[int, ...]) -> DcbsArrayProxy:
        """Return a proxy of another shape, in Fortran order as nibabel's proxies do it.

        Parameters
        ----------
        shape : tuple of int
            One length may be -1. Indexing a proxy whose axes are not those of the file decodes
            all frames.

        Raises
        ------
        DataConsistencyError
            It has another number of voxels.
        """
        size = int(np.prod(self._shape))
        known = [int(n) for n in shape]
        if known.count(-1) == 1:
            rest = int(np.prod([n for n in known if n != -1]))
            known[known.index(-1)] = size // rest if rest else 0
        if min(known, default=0) < 0 or int(np.prod(known)) != size:
            raise DataConsistencyError(f"{size} voxels cannot have the shape {tuple(shape)}")
        return type(self)(self._series, tuple(known))

    def copy(self) -> DcbsArrayProxy:
        """Return another proxy of the same file."""
        return type(self)(self._series, self._shape)

    def clear_cache(self) -> None:
        """Forget the frames that are kept."""
        self._frames.clear()

    def _read(self, slicer: object, scaling: Scaling) -> npt.NDArray[Any]:
        if self.is_whole:
            chosen = select(slicer, self._series.shape, self._series.name)
            result: npt.NDArray[Any] = self._box(chosen, scaling).T[chosen.index]
            return result
        everything = self._box(select((), self._series.shape, self._series.name), scaling)
        reshaped: Any = everything.T.reshape(self._shape, order="F")
        result = reshaped[slicer]
        return result  # noqa: RET504 - typed by its first assignment

    def _box(self, chosen: Selection, scaling: Scaling) -> npt.NDArray[Any]:
        """Return the voxels of a box in the order (..., z, y, x), in a new array."""
        series = self._series
        plane = chosen.box.plane_of(series.shape)
        # Who reads many whole frames has them then; keeping them, too, would only take memory.
        n_frames = prod(map(len, chosen.box.planes))
        keep = n_frames == 1 or plane != series.reader.pixel_format.shape[:2]
        keep = keep and n_frames * series.reader.pixel_format.n_bytes < _CACHE_BYTES
        return read_box(series, chosen.box, scaling, self._stored if keep else None)

    def _stored(self, frame: int) -> npt.NDArray[Any]:
        """Return a frame out of the cache, read-only."""
        fmt = self._series.reader.pixel_format
        return np.frombuffer(self._frames.get(frame), fmt.dtype).reshape(fmt.shape)

    def __getstate__(self) -> dict[str, Any]:
        return {"series": self._series, "shape": self._shape}

    def __setstate__(self, state: dict[str, Any]) -> None:
        DcbsArrayProxy.__init__(self, state["series"], state["shape"])

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._series.name!r}, {self._shape}, {self.dtype}>"


class _Loader:
    """Decodes a frame for the cache, without a reference to the proxy that owns the cache."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def __call__(self, frame: int) -> bytes:
        return self._reader.frame(frame).tobytes()
