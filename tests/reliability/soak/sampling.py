"""What a process takes of the machine, from /proc; and whether it takes more and more."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["RULE", "Sample", "Trend", "sample_process", "trend_of"]

_BLOCKS = 24
#: Student's t for 95 % on both sides, some twenty degrees of freedom.
_T = 2.1
RULE = (
    "after the warm-up each curve is cut into 24 blocks, and a line is fitted to their means; it "
    "grows where the slope is above zero by more than its uncertainty (95 %, two-sided), the rise "
    "over the whole time is above the tolerance (2 % of the mean, at least 8 MiB or 1.5 threads "
    "or descriptors), and the second half goes on rising by more than a quarter of that"
)


@dataclass(frozen=True, slots=True)
class Sample:
    """One look at a process.

    Parameters
    ----------
    seconds : float
        Since the beginning.
    rss, pss : float
        Resident memory, and the same with shared pages divided by those who share them, MiB.
    threads, descriptors : int
        Of the process.
    operations : int
        Done since the beginning.
    blocks : int
        Blocks that Python's allocator has given out, at the process's last count.
    """

    seconds: float
    rss: float
    pss: float
    threads: int
    descriptors: int
    operations: int
    blocks: int


def sample_process(pid: int, seconds: float, operations: int, blocks: int) -> Sample | None:
    """Look at a process; None where it has ended."""
    folder = Path("/proc") / str(pid)
    try:
        status = dict(
            line.split(":", 1)
            for line in (folder / "status").read_text().splitlines()
            if ":" in line
        )
        memory = (folder / "smaps_rollup").read_text()
        descriptors = len(list((folder / "fd").iterdir()))
    except (OSError, ValueError):
        return None
    pss = next(line.split()[1] for line in memory.splitlines() if line.startswith("Pss:"))
    rss = int(status["VmRSS"].split()[0]) / 1024
    threads = int(status["Threads"])
    return Sample(seconds, rss, int(pss) / 1024, threads, descriptors, operations, blocks)


@dataclass(frozen=True, slots=True)
class Trend:
    """The line through a curve.

    Parameters
    ----------
    mean : float
        Of the values.
    slope, uncertainty : float
        Per minute; the latter is half the width of the interval that holds the slope with 95 %.
    rise : float
        Slope times the whole time.
    growing : bool
        See `RULE`.
    """

    mean: float
    slope: float
    uncertainty: float
    rise: float
    growing: bool


def trend_of(seconds: Sequence[float], values: Sequence[float], least: float) -> Trend:
    """Fit a line to a curve; `least` is the rise below which nothing is said to grow."""
    when, what = np.asarray(seconds, float) / 60, np.asarray(values, float)
    blocks = np.array_split(np.arange(len(what)), min(_BLOCKS, max(4, len(what) // 2)))
    x = np.array([when[block].mean() for block in blocks])
    y = np.array([what[block].mean() for block in blocks])
    spread = float(((x - x.mean()) ** 2).sum()) or math.nan
    slope = float(((x - x.mean()) * (y - y.mean())).sum()) / spread
    residuals = y - y.mean() - slope * (x - x.mean())
    error = math.sqrt(float((residuals**2).sum()) / max(1, len(x) - 2) / spread)
    rise = slope * float(when[-1] - when[0])
    tolerance = max(least, 0.02 * float(what.mean()))
    half = len(y) // 2
    late = float(y[-half // 2 :].mean() - y[half : half + max(1, half // 2)].mean())
    growing = slope > _T * error and rise > tolerance and late > tolerance / 4
    return Trend(float(what.mean()), slope, _T * error, rise, growing)
