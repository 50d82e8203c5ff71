"""Arrays that are to be written: what they must be, and what is refused by its name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from dicube_core.exceptions import DataConsistencyError, UnsupportedKindError
from dicube_core.pixels import DTYPE_BITS

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["as_frames"]

_INTEGERS = ", ".join(DTYPE_BITS)
#: imageio takes a last axis of up to four for colour channels.
_MOST_CHANNELS = 4


def as_frames(image: Any, is_batch: bool | None) -> npt.NDArray[Any]:
    """Return an image, a volume or a list of images as (frames, rows, columns).

    Parameters
    ----------
    image : array-like of shape (rows, columns) or (frames, rows, columns), or list of the former
        Integers of 8, 16 or 32 bits.
    is_batch : bool or None
        As imageio has it. A 3-D array whose last axis is shorter than five could be a colour image:
        it is one frame after another only if this is True.

    Returns
    -------
    ndarray of shape (frames, rows, columns)
        A view where that is possible.

    Raises
    ------
    UnsupportedKindError
        Colour, real-valued, complex, boolean or 64-bit.
    DataConsistencyError
        The images of a list differ in shape or type, or there are none.
    """
    if isinstance(image, list | tuple):
        return _stacked([np.asarray(one) for one in image])
    array = np.asarray(image)
    _require_integers(array)
    if array.ndim == 2:
        return _not_empty(array[np.newaxis])
    if array.ndim == 3 and (array.shape[-1] > _MOST_CHANNELS or is_batch):
        return _not_empty(array)
    if array.ndim in (3, 4) and array.shape[-1] <= _MOST_CHANNELS:
        raise UnsupportedKindError(
            f"an array of shape {array.shape} is taken for a colour image, which a .dcbs file does "
            "not hold",
            suggestion="if the last axis is columns of a volume, pass is_batch=True"
            if array.ndim == 3
            else None,
        )
    raise UnsupportedKindError(
        f"an array of shape {array.shape} is no series; (frames, rows, columns) is needed",
        suggestion="write each volume to a file of its own",
    )


def _stacked(images: list[npt.NDArray[Any]]) -> npt.NDArray[Any]:
    if not images:
        raise DataConsistencyError("the list of images is empty; a series has one slice or more")
    if len(images) == 1 and images[0].ndim == 3:
        return as_frames(images[0], is_batch=True)  # a list of volumes, of one
    for index, one in enumerate(images):
        _require_integers(one)
        if one.ndim == 3 and one.shape[-1] <= _MOST_CHANNELS:
            raise UnsupportedKindError(
                f"image {index} of shape {one.shape} is taken for a colour image, which a .dcbs "
                "file does not hold"
            )
        if one.ndim != 2:
            raise UnsupportedKindError(
                f"image {index} of the list has shape {one.shape}; (rows, columns) is needed",
                suggestion="write each volume to a file of its own",
            )
        if (one.shape, one.dtype) != (images[0].shape, images[0].dtype):
            raise DataConsistencyError(
                f"image {index} is {one.shape} {one.dtype}, image 0 is {images[0].shape} "
                f"{images[0].dtype}; slices of a series are alike"
            )
    return _not_empty(np.stack(images))


def _require_integers(array: npt.NDArray[Any]) -> None:
    name = array.dtype.newbyteorder("=").name
    if name in DTYPE_BITS:
        return
    if array.dtype.kind in "fc":
        help_ = "round to integers, and say rescale_slope= if they stand for real values"
    elif array.dtype.kind == "b":
        help_ = "array.astype('uint8')"
    else:
        help_ = "array.astype('int32'), if that holds all values"
    raise UnsupportedKindError(
        f"values of type {array.dtype} cannot be written; a .dcbs file holds {_INTEGERS}",
        suggestion=help_,
    )


def _not_empty(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    if 0 in array.shape:
        raise DataConsistencyError(f"an array of shape {array.shape} holds no pixels")
    return array
