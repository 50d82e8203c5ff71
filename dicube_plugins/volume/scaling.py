"""From stored values to the type that is asked for, frame by frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from dicube_core.exceptions import DataConsistencyError, UnsupportedKindError

if TYPE_CHECKING:
    import numpy.typing as npt

    from dicube_core.modality import ModalityTransform
    from dicube_core.pixels import PixelFormat
    from dicube_plugins.colours import Colours
    from dicube_plugins.volume.series_array import SeriesArray

__all__ = ["Scaling", "is_exact_in"]


@dataclass(frozen=True, slots=True)
class Scaling:
    """How the values of one frame are worked out.

    Parameters
    ----------
    transform : ModalityTransform or None
        From stored to modality values; None to leave them as stored.
    pixel_format : PixelFormat
        Bit fields of the stored values.
    dtype : dtype
        Of the result.
    reckoned : dtype
        In which slope and intercept are applied. The result is rounded to `dtype` once.
    colours : Colours or None
        Makes RGB of the stored values, in place of all else.
    """

    transform: ModalityTransform | None
    pixel_format: PixelFormat
    dtype: np.dtype[Any]
    reckoned: np.dtype[Any]
    colours: Colours | None = None

    @classmethod
    def none(cls, series: SeriesArray) -> Scaling:
        """Leave values as they are stored, less the bits that are none of theirs."""
        dtype = series.stored_dtype
        return cls(None, series.reader.pixel_format, dtype, dtype, series.colours)

    @classmethod
    def stored(cls, series: SeriesArray, dtype: np.dtype[Any]) -> Scaling:
        """Leave values as they are stored, in a type that holds them.

        Raises
        ------
        DataConsistencyError
            It does not hold them.
        """
        _require(series, series.stored_dtype, dtype)
        fmt = series.reader.pixel_format
        return cls(None, fmt, dtype, fmt.dtype, series.colours)

    @classmethod
    def to(cls, series: SeriesArray, dtype: np.dtype[Any]) -> Scaling:
        """Scale, and give the result a type.

        Raises
        ------
        UnsupportedKindError
            Colour is asked for as numbers.
        """
        if series.colours is not None:
            if dtype != series.stored_dtype:
                raise UnsupportedKindError(
                    f"{series.name}: colour cannot be given as numbers of type {dtype}",
                    suggestion="numpy.asarray(image.dataobj) has fields 'R', 'G' and 'B'",
                )
            return cls.none(series)
        fmt, transform = series.reader.pixel_format, series.transform
        if transform.is_identity:
            return cls(None, fmt, dtype, fmt.dtype)
        reckoned = np.dtype(np.float64)
        if dtype.kind == "f" and (dtype.itemsize > 8 or is_exact_in(series, dtype)):
            reckoned = dtype
        return cls(transform, fmt, dtype, reckoned)

    @classmethod
    def exact(cls, series: SeriesArray, dtype: np.dtype[Any]) -> Scaling:
        """Scale to modality values (or samples of RGB) in a type that holds them.

        Raises
        ------
        DataConsistencyError
            It does not hold them: an integer type that is too narrow.
        """
        _require(series, series.exact_dtype, dtype)
        if series.colours is not None:
            return cls(None, series.reader.pixel_format, dtype, dtype, series.colours)
        if dtype.kind == "f":
            return cls.to(series, dtype)
        transform = None if series.transform.is_identity else series.transform
        # A type that holds the values only after scaling is an exact one; so is this reckoning.
        return cls(transform, series.reader.pixel_format, dtype, dtype)

    @property
    def is_copy(self) -> bool:
        """Whether values are those that a decoder gives, all bits of them."""
        fmt = self.pixel_format
        return self.takes_decoded and self.transform is None and fmt.has_whole_words

    @property
    def takes_decoded(self) -> bool:
        """Whether a decoder can write into the array of the result."""
        return self.colours is None and self.dtype == self.pixel_format.dtype

    def apply(self, stored: npt.NDArray[Any], frame: int, out: npt.NDArray[Any]) -> None:
        """Work out the values of a part of a frame into `out`, which has `dtype`."""
        if self.colours is not None:
            samples = out if out.dtype.fields is None else out.view(np.uint8)
            self.colours.apply(stored, frame, samples.reshape(*stored.shape[:2], 3))
        elif self.transform is None:
            np.copyto(out, self.pixel_format.pixel_values(stored), casting="unsafe")
        elif self.dtype == self.reckoned:
            self.transform.apply(stored, frame, self.dtype, out)
        else:
            values = self.transform.apply(stored, frame, self.reckoned)
            np.copyto(out, values, casting="unsafe")


def _require(series: SeriesArray, exact: np.dtype[Any], dtype: np.dtype[Any]) -> None:
    """Refuse a type that does not hold the values of another; reals may be rounded."""
    if dtype.kind == "f" or (dtype.kind in "iu" and np.can_cast(exact, dtype, "safe")):
        return
    raise DataConsistencyError(
        f"{series.name}: {dtype} does not hold the values, which are {exact}",
        suggestion="a floating type, or an integer type that holds them, is needed",
    )


def is_exact_in(series: SeriesArray, dtype: np.dtype[Any]) -> bool:
    """Whether a floating type holds each step of the reckoning: stored, times slope, plus inter."""
    factors = series.scale_factors
    if (
        factors is None
        or series.reader.pixel_format.real
        or not all(value.is_integer() for value in factors)
    ):
        return False
    largest = 1 << series.reader.pixel_format.bits_stored
    limit = 2 ** (int(np.finfo(dtype).nmant) + 1)
    return bool(largest * max(1.0, abs(factors[0])) + abs(factors[1]) <= limit)
