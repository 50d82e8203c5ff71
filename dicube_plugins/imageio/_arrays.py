"""Arrays that are to be written: what they must be, and what is refused by its name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from dicube_core.exceptions import DataConsistencyError, UnsupportedKindError

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["as_frames"]

#: What a file with metadata holds: DICOM has integers of 64 bits nowhere.
_TYPES = ("uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64")
#: What DICOM has colour in (PS3.3 C.7.6.3.1.2).
_COLOUR_TYPES = ("uint8", "uint16", "uint32")
#: imageio takes a last axis of up to four for colour channels.
_MOST_CHANNELS = 4
_CHANNELS = {1: "grey with an axis of one", 2: "grey with alpha", 4: "RGBA"}


def as_frames(image: Any, is_batch: bool | None) -> npt.NDArray[Any]:
    """Return an image, a volume or a list of images as frames.

    Parameters
    ----------
    image : array-like, or list of images
        Shape (rows, columns) or (frames, rows, columns); or (rows, columns, 3) or (frames, rows,
        columns, 3) for RGB. A list holds single images.
    is_batch : bool or None
        As imageio has it. A 3-D array whose last axis is shorter than five is a colour image: it
        is one frame after another only if this is True.

    Returns
    -------
    ndarray of shape (frames, rows, columns) or (frames, rows, columns, 3)
        A view where that is possible.

    Raises
    ------
    UnsupportedKindError
        Other channels than RGB, signed or real colour; complex, boolean or 64-bit integers.
    DataConsistencyError
        The images of a list differ in shape or type, or there are none.
    """
    if isinstance(image, list | tuple):
        return _stacked([np.asarray(one) for one in image])
    array = np.asarray(image)
    _require_numbers(array)
    if array.ndim == 2:
        return _not_empty(array[np.newaxis])
    if array.ndim == 3 and (array.shape[-1] > _MOST_CHANNELS or is_batch):
        return _not_empty(array)
    if array.ndim in (3, 4) and array.shape[-1] <= _MOST_CHANNELS:
        _require_colour(array, f"an array of shape {array.shape}")
        return _not_empty(array if array.ndim == 4 else array[np.newaxis])
    raise UnsupportedKindError(
        f"an array of shape {array.shape} is no series; (frames, rows, columns) is needed",
        suggestion="write each volume to a file of its own",
    )


def _stacked(images: list[npt.NDArray[Any]]) -> npt.NDArray[Any]:
    if not images:
        raise DataConsistencyError("the list of images is empty; a series has one slice or more")
    if len(images) == 1 and images[0].ndim == 3 and images[0].shape[-1] > _MOST_CHANNELS:
        return as_frames(images[0], is_batch=True)  # a list of volumes, of one
    for index, one in enumerate(images):
        _require_numbers(one)
        if one.ndim == 3 and one.shape[-1] <= _MOST_CHANNELS:
            _require_colour(one, f"image {index} of shape {one.shape}")
        elif one.ndim != 2:
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


def _require_colour(array: npt.NDArray[Any], what: str) -> None:
    """Refuse an array with channels that are no RGB."""
    help_ = "if the last axis is columns of a volume, pass is_batch=True"
    channels = array.shape[-1]
    if channels != 3:
        kind = _CHANNELS.get(channels, f"colour of {channels} channels")
        raise UnsupportedKindError(
            f"{what} is taken for {kind}, which a .dcbs file does not hold; RGB it does",
            suggestion=help_ if array.ndim == 3 else "leave that axis out",
        )
    if array.dtype.newbyteorder("=").name not in _COLOUR_TYPES:
        raise UnsupportedKindError(
            f"{what} is taken for colour of {array.dtype}; a .dcbs file holds "
            f"{', '.join(_COLOUR_TYPES)}",
            suggestion=help_ if array.ndim == 3 else "array.astype('uint8')",
        )


def _require_numbers(array: npt.NDArray[Any]) -> None:
    if array.dtype.newbyteorder("=").name in _TYPES:
        return
    if array.dtype.kind in "fc":
        help_ = "array.astype('float64'), of a real array"
    elif array.dtype.kind == "b":
        help_ = "array.astype('uint8')"
    else:
        help_ = "array.astype('int32'), if that holds all values"
    raise UnsupportedKindError(
        f"values of type {array.dtype} cannot be written; a .dcbs file holds {', '.join(_TYPES)}",
        suggestion=help_,
    )


def _not_empty(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    if 0 in array.shape:
        raise DataConsistencyError(f"an array of shape {array.shape} holds no pixels")
    return array
