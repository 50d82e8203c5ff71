"""Checks of arrays and resolution levels, shared by the backends."""

from __future__ import annotations

from operator import index
from typing import TYPE_CHECKING, Any

from dicube_core.exceptions import (
    CodecUnavailableError,
    DataConsistencyError,
    UnsupportedKindError,
)

if TYPE_CHECKING:
    import numpy as np

    from dicube_core.codec.base import StoredValues
    from dicube_core.codec.codestream import CodestreamInfo
    from dicube_core.pixels import PixelFormat

__all__ = [
    "check_out",
    "native_frame",
    "reduced_shape",
    "refuse_unfit",
    "require_full_resolution",
]


def native_frame(frame: StoredValues, pixel_format: PixelFormat) -> StoredValues:
    """Return `frame` C-contiguous and in native byte order, as it is if it already is so."""
    import numpy as np

    if not isinstance(frame, np.ndarray):
        raise DataConsistencyError(f"a frame must be a numpy array, not {type(frame).__name__}")
    if frame.shape != pixel_format.shape or frame.dtype.newbyteorder("=") != pixel_format.dtype:
        raise DataConsistencyError(
            f"expected a frame of shape {pixel_format.shape} and type {pixel_format.dtype_name}, "
            f"found shape {frame.shape} and type {frame.dtype}"
        )
    return np.ascontiguousarray(frame, dtype=pixel_format.dtype)


def refuse_unfit(pixel_format: PixelFormat) -> None:
    """Refuse what HTJ2K cannot hold: real values, and integers of 64 bits.

    Raises
    ------
    UnsupportedKindError
        Names the kind.
    """
    if pixel_format.real or pixel_format.bits_allocated > 32:
        what = "real values" if pixel_format.real else "integers of 64 bits"
        raise UnsupportedKindError(
            f"{what} cannot be stored with the codec 'htj2k'", suggestion="use codec='pcodec'"
        )


def reduced_shape(
    info: CodestreamInfo, level: int, pixel_format: PixelFormat | None = None
) -> tuple[int, ...]:
    """Return the shape of resolution `level` as an array of the format has it, or refuse it."""
    level = index(level)
    if not 0 <= level <= info.levels:
        raise DataConsistencyError(
            f"resolution level {level} is out of range: the codestream has levels 0 to "
            f"{info.levels}"
        )
    plane = -(-info.rows >> level), -(-info.columns >> level)
    colour = pixel_format is not None and pixel_format.is_colour
    return (*plane, info.components) if colour else plane


def require_full_resolution(level: int, what: str) -> None:
    """Refuse any lower resolution, for codecs that have none.

    Parameters
    ----------
    what : str
        Names the frames in the error.
    """
    if index(level):
        raise CodecUnavailableError(
            f"{what} have no lower resolutions (level {level})",
            suggestion="decode level 0 and reduce the array",
        )


def check_out(out: StoredValues, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
    """Refuse an output array that cannot be filled as it is."""
    import numpy as np

    if not isinstance(out, np.ndarray):
        raise DataConsistencyError(f"out must be a numpy array, not {type(out).__name__}")
    if out.shape != shape or out.dtype != dtype:
        raise DataConsistencyError(
            f"out must have shape {shape} and type {dtype}, not {out.shape} and {out.dtype}"
        )
    if not (out.flags.c_contiguous and out.flags.writeable):
        raise DataConsistencyError("out must be C-contiguous and writable")
