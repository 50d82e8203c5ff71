"""Whether a process at rest has more and more: threads, descriptors, objects, memory."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reliability.soak.resting import Rest

__all__ = ["CURVES", "RULE", "Curve", "Trend", "behind_warm_up", "judge", "trend_of"]

_BLOCKS = 24
#: Student's t for 95 % on both sides, some twenty degrees of freedom.
_T = 2.1
_WARM_UP = 0.2
RULE = (
    "after the first fifth of its operations, a process at rest grows where a line fitted to a "
    "curve against the operations rises by more than its uncertainty (95 %, two-sided) and by "
    "more than the tolerance, and the last quarter lies above the one before it by more than a "
    "quarter of that. Resident memory also holds what malloc keeps for later, which levels off: "
    "it grows where the same is true of its second half alone, and that rises by more than three "
    "quarters as much as the first"
)


@dataclass(frozen=True, slots=True)
class Curve:
    """What is judged.

    Parameters
    ----------
    title : str
        For the report.
    unit : str
        Of the values.
    least : float
        The least rise over the whole time that is said to be growth.
    levelling : bool
        Whether it may rise more and more slowly.
    """

    title: str
    unit: str
    least: float
    levelling: bool = False


#: Attribute of `Rest` -> how it is judged. All memory is in one of three: what is in use of
#: ``malloc``, what did not come from it (stacks of threads, the arenas of Python's small objects,
#: what libraries map), and pages of files. A leak of some ten bytes an operation shows there.
#: Resident memory, which is what a user sees, is these and what ``malloc`` keeps for later.
CURVES = {
    "threads": Curve("threads", "", 0.9),
    "descriptors": Curve("descriptors", "", 0.9),
    "blocks": Curve("blocks of Python", "", 3000.0),
    "in_use": Curve("memory in use of malloc", "MiB", 0.75),
    "outside": Curve("memory not of malloc", "MiB", 8.0),
    "file": Curve("resident pages of files", "MiB", 2.0),
    "resident": Curve("resident memory", "MiB", 8.0, levelling=True),
}


@dataclass(frozen=True, slots=True)
class Trend:
    """The line through a curve.

    Parameters
    ----------
    mean, first, last : float
        Of all values; and the means of the first and of the last tenth.
    slope, uncertainty : float
        For each operation; the latter is half the width of the interval that holds the slope
        with 95 %.
    rise : float
        Slope times all operations.
    growing : bool
        See `RULE`.
    """

    mean: float
    first: float
    last: float
    slope: float
    uncertainty: float
    rise: float
    growing: bool


def trend_of(operations: Sequence[float], values: Sequence[float], curve: Curve) -> Trend:
    """Fit a line to the values of a curve, and judge it; see `RULE`."""
    when, what = np.asarray(operations, float), np.asarray(values, float)
    blocks = np.array_split(np.arange(len(what)), min(_BLOCKS, max(4, len(what) // 2)))
    x = np.array([when[block].mean() for block in blocks])
    y = np.array([what[block].mean() for block in blocks])
    slope, error = _line(x, y)
    half, tenth = len(y) // 2, max(1, len(y) // 10)
    growing = _grows(x, y, curve.least)
    if growing and curve.levelling:
        first, second = _line(x[:half], y[:half])[0], _line(x[half:], y[half:])[0]
        growing = second > 0.75 * first and _grows(x[half:], y[half:], curve.least / 2)
    return Trend(
        mean=float(what.mean()),
        first=float(y[:tenth].mean()),
        last=float(y[-tenth:].mean()),
        slope=slope,
        uncertainty=_T * error,
        rise=slope * float(when[-1] - when[0]),
        growing=growing,
    )


def _grows(x: np.ndarray, y: np.ndarray, least: float) -> bool:
    slope, error = _line(x, y)
    half = len(y) // 2
    late = float(y[-half // 2 :].mean() - y[half : half + max(1, half // 2)].mean())
    return slope > _T * error and slope * float(x[-1] - x[0]) > least and late > least / 4


def _line(x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """Return the slope of the line through some points, and its standard error."""
    spread = float(((x - x.mean()) ** 2).sum()) or math.nan
    slope = float(((x - x.mean()) * (y - y.mean())).sum()) / spread
    residuals = y - y.mean() - slope * (x - x.mean())
    return slope, math.sqrt(float((residuals**2).sum()) / max(1, len(x) - 2) / spread)


def behind_warm_up(rests: Sequence[Rest]) -> list[Rest]:
    """Return the looks that are judged."""
    return [one for one in rests if one.operations >= _WARM_UP * rests[-1].operations]


def judge(rests: Sequence[Rest]) -> dict[str, Trend]:
    """Judge all curves of a process behind the warm-up; nothing where it rested too seldom."""
    late = behind_warm_up(rests)
    if len(late) < 8:
        return {}
    operations = [one.operations for one in late]
    trends = {}
    for name, curve in CURVES.items():
        values = [getattr(one, name) for one in late]
        if not any(map(math.isnan, values)):
            trends[name] = trend_of(operations, values, curve)
    return trends
