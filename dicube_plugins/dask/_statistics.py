"""How often each modality value is, over many series."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from dicube_core.exceptions import DataConsistencyError
from dicube_core.modality import ModalityValues
from dicube_plugins.dask._series import map_series

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy.typing as npt
    from distributed import Client

    from dicube_core.reader import Reader
    from dicube_plugins.dask._workers import DaskWorkers

__all__ = ["SeriesHistogram", "histogram"]


@dataclass(frozen=True, slots=True)
class SeriesHistogram:
    """Values of many series by size.

    Parameters
    ----------
    edges : ndarray of shape (n + 1,)
        As given: a value belongs to bin ``i`` if ``edges[i] <= value < edges[i + 1]``; the last
        bin takes its upper edge too (as `numpy.histogram`).
    counts : ndarray of shape (n,)
        Values in each bin.
    outside : int
        Values below the first edge or above the last, or NaN.
    series : int
        Files that were counted.
    failed : list of (file, exception)
        Files that were not, nothing of which is in `counts`.
    """

    edges: npt.NDArray[np.float64]
    counts: npt.NDArray[np.int64]
    outside: int
    series: int
    failed: list[tuple[Any, Exception]] = field(default_factory=list)


def histogram(
    files: Iterable[Any],
    edges: npt.ArrayLike,
    client: Client | DaskWorkers | str | None = None,
    *,
    scheduler: str | None = None,
) -> SeriesHistogram:
    """Count the modality values (Hounsfield units of CT) of many files.

    Frames are decoded one by one, so that a long series takes no more memory than a short one.
    Values are exact: of PET, each slice by its own slope.

    Parameters
    ----------
    files, client, scheduler
        As for `map_series`.
    edges : array-like of shape (n + 1,)
        Rising.

    Returns
    -------
    SeriesHistogram
        Colour has no modality values: such a file is in `failed`.

    Raises
    ------
    ValueError
        The edges do not rise.
    """
    limits = np.asarray(edges, dtype=np.float64)
    if limits.ndim != 1 or len(limits) < 2 or not (np.diff(limits) > 0).all():
        raise ValueError("edges must be at least two rising numbers")
    counts, outside, failed, series = np.zeros(len(limits) - 1, np.int64), 0, [], 0
    counted = map_series(partial(_count, edges=limits), files, client, scheduler=scheduler)
    for file, result in counted:
        if isinstance(result, Exception):
            failed.append((file, result))
            continue
        series += 1
        counts += result[0]
        outside += result[1]
    return SeriesHistogram(limits, counts, outside, series, failed)


def _count(reader: Reader, edges: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.int64], int]:
    form = reader.pixel_format
    if form.is_colour or form.is_palette:
        raise DataConsistencyError(
            f"{reader.name}: colour has no modality values", suggestion="leave the file out"
        )
    values = ModalityValues(reader)
    counts, outside = np.zeros(len(edges) - 1, np.int64), 0
    with reader.reading_ahead():  # of a store, many frames by one request
        for index in range(reader.frame_count):
            frame = values.frame(index)
            found = _binned(frame, edges)
            counts += found
            outside += frame.size - int(found.sum())
    return counts, outside


def _binned(frame: npt.NDArray[Any], edges: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Return the counts of one frame; of integers, each value is sorted in once."""
    if frame.dtype.kind in "iu" and frame.size:
        low, high = int(frame.min()), int(frame.max())
        if high - low < frame.size:
            often = np.bincount(np.subtract(frame, low, dtype=np.int64).ravel())
            values = np.arange(low, high + 1)
            return np.histogram(values, edges, weights=often)[0].astype(np.int64)
    return np.histogram(frame, edges)[0].astype(np.int64)
