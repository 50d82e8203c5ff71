"""Even steps along a dimension of a series, as images with a fourth axis tell them."""

from __future__ import annotations

from itertools import pairwise
from math import isclose, isfinite
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from dicube_core.reader import Reader
    from dicube_core.spatial.axes import Axis

__all__ = ["Steps", "even_steps", "time_steps"]

_RESOLUTION = "00200110"
_SECONDS = {"s": 1.0, "ms": 1e-3}
#: How much a step may differ from their mean.
_TOLERANCE = 1e-3


class Steps(NamedTuple):
    """Where an axis starts, and the distance from each of its values to the next, above 0."""

    first: float
    step: float


def even_steps(values: Sequence[Hashable]) -> Steps | None:
    """Return the steps of ascending values, None if they are no numbers or not evenly apart."""
    numbers = [float(value) for value in values if isinstance(value, int | float)]
    if len(numbers) != len(values) or len(numbers) < 2 or not all(map(isfinite, numbers)):
        return None
    mean = (numbers[-1] - numbers[0]) / (len(numbers) - 1)
    even = all(isclose(b - a, mean, rel_tol=_TOLERANCE) for a, b in pairwise(numbers))
    return Steps(numbers[0], mean) if mean > 0 and even else None


def time_steps(reader: Reader, axis: Axis) -> Steps | None:
    """Return the steps along an axis of time in seconds, None where there are no even ones.

    Time points that are just counted start at 0, and are TemporalResolution (0020,0110) apart.

    Parameters
    ----------
    reader : Reader
        Of the file.
    axis : Axis
        One of its dimensions.
    """
    for unit, values in [(axis.unit, axis.values), *((o.unit, o.values) for o in axis.also)]:
        found = even_steps(values) if unit in _SECONDS else None
        if found is not None:
            return Steps(found.first * _SECONDS[unit], found.step * _SECONDS[unit])
    resolution = None if axis.unit else _resolution(reader)
    return None if resolution is None else Steps(0.0, resolution)


def _resolution(reader: Reader) -> float | None:
    meta = reader.dicom_meta
    if meta is None or not meta.is_shared(_RESOLUTION) or meta.is_missing(_RESOLUTION):
        return None
    value = meta.get_shared_value(_RESOLUTION)
    good = isinstance(value, int | float) and isfinite(value) and value > 0
    return value * _SECONDS["ms"] if good else None
