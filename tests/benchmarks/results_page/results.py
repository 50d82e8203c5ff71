"""What a benchmark found, as it is kept: ratios, goals and the machine, without the samples."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Result", "Results"]


@dataclass(frozen=True, slots=True)
class Result:
    """One ratio of ours to something else; below 1 is smaller or faster.

    Parameters
    ----------
    task, against, data : str
        What was measured, divided by what, on which data.
    ratio : float or None
        Median over the rounds; None where the other is not installed.
    goal : float or None
        Upper bound.
    """

    task: str
    against: str
    data: str
    ratio: float | None
    goal: float | None

    @property
    def is_missed(self) -> bool:
        """Whether it is above its goal."""
        return self.goal is not None and self.ratio is not None and self.ratio > self.goal


@dataclass(frozen=True, slots=True)
class Results:
    """All results of one benchmark.

    Parameters
    ----------
    name : str
        Of the benchmark: ``core`` for ``bench_core.py``.
    environment : dict
        Versions and machine, as far as the benchmark says them.
    rows : tuple of Result
        In the order of the benchmark.
    """

    name: str
    environment: dict[str, Any]
    rows: tuple[Result, ...]

    @classmethod
    def read(cls, path: Path) -> Results:
        """Read what a benchmark wrote for ``--json``, or what `write` did.

        A report is a list of rows, or an object with ``rows`` and ``environment``; rows name
        their data ``data`` or ``series``.
        """
        report = json.loads(path.read_text(encoding="utf-8"))
        found = report if isinstance(report, list) else report["rows"]
        facts = {} if isinstance(report, list) else report
        environment = dict(facts.get("environment") or facts.get("facts") or {})
        rows = tuple(
            Result(
                str(row["task"]),
                str(row["against"]),
                str(row["data"] if "data" in row else row["series"]),
                None if row["ratio"] is None else float(row["ratio"]),
                None if row.get("goal") is None else float(row["goal"]),
            )
            for row in found
        )
        return cls(path.stem, environment, rows)

    def write(self, path: Path) -> None:
        """Keep it."""
        rows = [
            {**asdict(row), "ratio": None if row.ratio is None else float(f"{row.ratio:.5g}")}
            for row in self.rows
        ]
        lines = ",\n  ".join(json.dumps(row, ensure_ascii=False) for row in rows)
        facts = json.dumps(self.environment, ensure_ascii=False)
        text = f'{{"environment": {facts},\n "rows": [\n  {lines}\n]}}\n'
        path.write_text(text, encoding="utf-8")

    @property
    def data(self) -> list[str]:
        """The names of the data, in the order in which they come."""
        return list(dict.fromkeys(row.data for row in self.rows))

    @property
    def tasks(self) -> list[tuple[str, str]]:
        """Tasks and what they are held against, in the order in which they come."""
        return list(dict.fromkeys((row.task, row.against) for row in self.rows))

    def row(self, task: tuple[str, str], data: str) -> Result | None:
        """Return the result of a task with some data, None where there is none."""
        found = (row for row in self.rows if (row.task, row.against, row.data) == (*task, data))
        return next(found, None)
