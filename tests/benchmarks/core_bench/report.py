"""The rows as a table for people, and as JSON for machines."""

from __future__ import annotations

import json
import os
import platform
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dicube_core
from core_bench.peers import installed_version

if TYPE_CHECKING:
    from collections.abc import Iterable

    from core_bench.outcome import Row

__all__ = ["environment", "table", "write_json"]

_DISTRIBUTIONS = ("dicube", "imagecodecs", "numpy", "pydicom", "zstandard")
_TITLES = [
    "series",
    "task",
    "to",
    "ratio",
    "min-max",
    "goal",
    "verdict",
    "ours",
    "other",
    "unit",
    "quiet",
]
_COLUMNS = "{:<13} {:<40} {:<13} {:>6} {:>13} {:>5} {:<13} {:>9} {:>9} {:<4} {:>5}"


def environment(threads: int, rounds: int) -> dict[str, Any]:
    """Return what a figure cannot be judged without."""
    return {
        "dicube_core": dicube_core.__version__,
        **{name: installed_version(name) for name in _DISTRIBUTIONS},
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "cpus": os.cpu_count(),
        "threads": threads,
        "rounds": rounds,
        "page_cache": "warm",
        "load_average": _load_average(),
    }


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor()


def _load_average() -> list[float]:
    return [round(load, 2) for load in os.getloadavg()] if hasattr(os, "getloadavg") else []


def table(rows: Iterable[Row]) -> str:
    """Return the rows as text."""
    lines = [_COLUMNS.format(*_TITLES)]
    lines += [_line(row) for row in rows]
    return "\n".join(line.rstrip() for line in lines)


def _line(row: Row) -> str:
    goal = "" if row.goal is None else f"{row.goal:.4g}"
    if row.ratio is None:
        cells = ("-", "", goal, row.verdict, "", "", "", "")
    else:
        digits = 4 if row.unit == "kB" else 3
        cells = (
            f"{row.ratio:.{digits}f}",
            f"{row.lowest:.{digits}f}-{row.highest:.{digits}f}",
            goal,
            row.verdict,
            f"{row.ours:.2f}",
            f"{row.other:.2f}",
            row.unit,
            f"{row.quiet}/{row.rounds}",
        )
    return _COLUMNS.format(row.series, row.task, row.against, *cells)


def write_json(path: Path, facts: dict[str, Any], rows: Iterable[Row]) -> None:
    """Write everything, samples included."""
    report = {"environment": facts, "rows": [row.to_dict() for row in rows]}
    path.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
