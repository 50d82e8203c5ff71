"""From stored values to the type that is asked for, frame by frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from dicube_core.exceptions import UnsupportedKindError

if TYPE_CHECKING:
    import numpy.typing as npt

    from dicube_core.modality import ModalityTransform
    from dicube_core.pixels import PixelFormat
    from dicube_plugins.colours import Colours
    from dicube_plugins.nibabel._series import Series

__all__ = ["Scaling"]


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
    def none(cls, series: Series) -> Scaling:
        """Leave values as they are stored, less the bits that are none of theirs."""
        dtype = series.stored_dtype
        return cls(None, series.reader.pixel_format, dtype, dtype, series.colours)

    @classmethod
    def to(cls, series: Series, dtype: np.dtype[Any]) -> Scaling:
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
        if dtype.kind == "f" and (dtype.itemsize > 8 or _is_exact_in(series, dtype)):
            reckoned = dtype
        return cls(transform, fmt, dtype, reckoned)

    def apply(self, stored: npt.NDArray[Any], frame: int, out: npt.NDArray[Any]) -> None:
        """Work out the values of a part of a frame into `out`, which has `dtype`."""
        if self.colours is not None:
            self.colours.apply(stored, frame, out.view(np.uint8).reshape(*out.shape, 3))
        elif self.transform is None:
            np.copyto(out, self.pixel_format.pixel_values(stored), casting="unsafe")
        elif self.dtype == self.reckoned:
            self.transform.apply(stored, frame, self.dtype, out)
        else:
            values = self.transform.apply(stored, frame, self.reckoned)
            np.copyto(out, values, casting="unsafe")


def _is_exact_in(series: Series, dtype: np.dtype[Any]) -> bool:
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
