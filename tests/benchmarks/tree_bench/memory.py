"""Peak memory of converting one long series, in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from core_bench.outcome import Row, single_row
from core_bench.series import generate

from tree_bench.trees import Tree, make_tree

__all__ = ["measure_memory"]

_CHILD = Path(__file__).with_name("memory_child.py")
#: As a share of the volume; what the conversion of a folder is held to as well.
_GOAL = 0.35


def measure_memory(work: Path, n_slices: int, size: int, threads: int) -> list[Row]:
    """Return the peak above what was in memory before, and of the whole process."""
    if not Path("/proc/self/clear_refs").exists():
        return []  # no VmHWM that can be reset on this platform
    tree = make_tree(work / "long", 1, n_slices, size)
    found = _child(tree, generate(work / "tiny_series", 2, 32), work / "long_out", threads)
    volume = tree.volume_bytes / 1e6
    rows = [
        ("peak memory: tree to files, verified", found["above"], _GOAL),
        ("peak memory: the whole process", found["peak"], None),
    ]
    return [
        single_row(f"{n_slices} slices", task, "volume", n / 1e6, volume, goal=goal, unit="MB")
        for task, n, goal in rows
    ]


def _child(tree: Tree, tiny: Path, out: Path, threads: int) -> dict[str, int]:
    command = [sys.executable, str(_CHILD), str(tiny), str(tree.root), str(out), str(threads)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"peak memory: {done.stderr.strip()}")
    result: dict[str, int] = json.loads(done.stdout)
    return result
