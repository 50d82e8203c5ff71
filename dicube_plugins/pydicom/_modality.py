"""Modality values of a whole series, for pydicom's function, which looks at the top level only."""

from __future__ import annotations

from math import isfinite, nan
from typing import TYPE_CHECKING, Any

import numpy as np
from pydicom.pixels import processing

from dicube_core.exceptions import DataConsistencyError
from dicube_plugins.pydicom._dataset import SeriesDataset

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pydicom.dataset import Dataset

    Array = np.ndarray[Any, Any]

__all__ = ["apply_modality_lut", "apply_with"]


def apply_modality_lut(arr: Array, ds: Dataset) -> Array:
    """Turn stored values into modality values, as `pydicom.pixels.apply_modality_lut` does.

    Parameters
    ----------
    arr : ndarray
        Stored values of any frames of a series. Where frames differ in slope and intercept, those
        of all frames, of shape (frames, rows, columns).
    ds : Dataset
        What they are from. For all but a `SeriesDataset`, pydicom's own function is called.

    Returns
    -------
    ndarray of float64
        Modality values: slope and intercept of each frame applied (DICOM PS3.3 C.7.6.16.2.9).

    Raises
    ------
    DataConsistencyError
        Frames differ in slope and intercept, and `arr` is not of all frames; or one of these is
        no number.
    """
    return apply_with(processing.apply_modality_lut, arr, ds)


def apply_with(original: Callable[[Array, Dataset], Array], arr: Array, ds: Dataset) -> Array:
    """Do so, where pydicom's own function is `original`."""
    pairs = _pairs(ds) if isinstance(ds, SeriesDataset) else []
    if not pairs:
        return original(arr, ds)
    slopes, intercepts = (np.array(numbers) for numbers in zip(*pairs, strict=True))
    if len(set(pairs)) > 1:
        if arr.ndim != 3 or len(arr) != len(pairs):
            raise DataConsistencyError(
                f"the {len(pairs)} frames differ in slope and intercept, and an array of shape "
                f"{arr.shape} does not tell which of them it holds",
                suggestion="give all frames, or read the slice with dcmread(path, frame=i)",
            )
    else:
        slopes, intercepts = slopes[:1], intercepts[:1]
    values: Array = arr.astype(np.float64) * slopes.reshape(-1, 1, 1)
    values += intercepts.reshape(-1, 1, 1)
    return values.reshape(arr.shape)


def _pairs(ds: Dataset) -> list[tuple[float, float]]:
    """Return slope and intercept that the functional groups give; one pair where it is shared."""
    for keyword in ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"):
        groups = [group.get("PixelValueTransformationSequence") for group in ds.get(keyword, ())]
        if groups and all(groups):
            return [_pair(transformation, ds) for transformation in groups]
    return []


def _pair(transformation: Sequence[Dataset], ds: Dataset) -> tuple[float, float]:
    said = [transformation[0].get(keyword) for keyword in ("RescaleSlope", "RescaleIntercept")]
    try:
        slope, intercept = map(float, said)
    except (TypeError, ValueError):  # pydicom hands out what it cannot read as it is
        slope = intercept = nan
    if isfinite(slope) and isfinite(intercept):
        return slope, intercept
    name = getattr(ds, "filename", None) or "the series"
    raise DataConsistencyError(
        f"{name}: slope {said[0]!s:.40} and intercept {said[1]!s:.40} of a frame, in "
        "PixelValueTransformationSequence (0028,9145), are no finite numbers",
        suggestion="the headers of its source are damaged; the stored values can be read",
    )
