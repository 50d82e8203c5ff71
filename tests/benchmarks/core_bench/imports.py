"""Time of the import statement, in fresh processes that take turns."""

from __future__ import annotations

import subprocess
import sys

from core_bench.outcome import Row, not_installed, ratio_row

__all__ = ["time_imports"]

_CODE = "import time; t = time.perf_counter(); import {0}; print(time.perf_counter() - t)"


def time_imports(rounds: int, *, with_dicube: bool) -> list[Row]:
    """Return one row: ours to that of dicube, without the start of the interpreter."""
    task, against, goal = "import", "dicube 0.3.0", 0.30
    if not with_dicube:
        return [not_installed("any", task, against, goal)]
    names = ["dicube_core", "dicube"]
    times: dict[str, list[float]] = {name: [] for name in names}
    for name in names:
        _import_once(name)  # writes the byte code, and brings the files into memory
    for turn in range(rounds):
        for name in names if turn % 2 else reversed(names):
            times[name].append(_import_once(name))
    quiet = list(range(rounds))
    return [ratio_row("any", task, against, *times.values(), quiet=quiet, goal=goal)]


def _import_once(name: str) -> float:
    command = [sys.executable, "-c", _CODE.format(name)]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
