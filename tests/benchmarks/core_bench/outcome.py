"""One row of the table: what was compared, what came out, and the goal it is held against."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any

__all__ = ["NOT_INSTALLED", "Row", "not_installed", "ratio_row", "single_row"]

NOT_INSTALLED = "not installed"


@dataclass(frozen=True, slots=True)
class Row:
    """A ratio of ours to something else; below 1 is smaller or faster.

    Parameters
    ----------
    series, task, against : str
        What was measured on which data, and what it was divided by.
    ratio, lowest, highest : float or None
        Median, minimum and maximum over the rounds; None where there is nothing to compare with.
    goal : float or None
        Upper bound; None for rows that are there for information.
    ours, other : float or None
        Medians of the absolute figures, in `unit`.
    rounds, quiet : int
        Rounds taken, and those of them in which other processes left the machine alone; the
        median is over these where there are enough.
    """

    series: str
    task: str
    against: str
    ratio: float | None = None
    lowest: float | None = None
    highest: float | None = None
    goal: float | None = None
    ours: float | None = None
    other: float | None = None
    unit: str = "ms"
    rounds: int = 1
    quiet: int = 1
    samples: dict[str, list[float]] = field(default_factory=dict)

    @property
    def verdict(self) -> str:
        """Whether the goal is met."""
        if self.ratio is None:
            return NOT_INSTALLED
        if self.goal is None:
            return ""
        return "ok" if self.ratio <= self.goal else "MISSED"

    def to_dict(self) -> dict[str, Any]:
        """Return everything, for the JSON report."""
        return {**asdict(self), "verdict": self.verdict}


def ratio_row(
    series: str,
    task: str,
    against: str,
    ours: list[float],
    other: list[float],
    *,
    quiet: list[int],
    goal: float | None = None,
) -> Row:
    """Make a row of seconds per round; the ratio is taken within each round."""
    ratios = [a / b for a, b in zip(ours, other, strict=True)]
    # A median over two rounds says less than one over all, disturbed or not.
    used = quiet if len(quiet) >= 3 else range(len(ratios))
    chosen = [ratios[i] for i in used]
    return Row(
        series,
        task,
        against,
        median(chosen),
        min(chosen),
        max(chosen),
        goal,
        1e3 * median(ours[i] for i in used),
        1e3 * median(other[i] for i in used),
        rounds=len(ratios),
        quiet=len(quiet),
        samples={"ours_s": ours, "other_s": other},
    )


def single_row(
    series: str,
    task: str,
    against: str,
    ours: float,
    other: float,
    *,
    goal: float | None,
    unit: str,
) -> Row:
    """Make a row of two figures that do not vary, such as sizes."""
    ratio = ours / other
    return Row(series, task, against, ratio, ratio, ratio, goal, ours, other, unit)


def not_installed(series: str, task: str, against: str, goal: float | None) -> Row:
    """Make the row of a comparison that could not be made."""
    return Row(series, task, against, goal=goal)
