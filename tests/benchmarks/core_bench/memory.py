"""Peak memory of one task, each in a process of its own.

VmHWM is what counts: ``ru_maxrss`` is inherited through exec. It is reset after the task has
run once on a tiny series, so that what is loaded on first use is not charged to the volume.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from core_bench.outcome import Row, not_installed, single_row
from core_bench.series import generate

if TYPE_CHECKING:
    from core_bench.fixtures import Fixture

__all__ = ["measure_memory"]

_CHILD = Path(__file__).with_name("memory_child.py")
_CASES = (
    # task, ours, dicube, goal as a share of the volume
    ("peak memory of load", "load", "dicube_load", 1.10),
    ("peak memory of pixels only", "frames", "dicube_load", 1.10),
    ("peak memory of folder to file", "convert", "dicube_convert", 0.35),
    ("the same, unverified", "convert_unverified", "dicube_convert", 0.35),
)


def measure_memory(fixture: Fixture) -> list[Row]:
    """Return the peaks relative to the volume; what dicube needs is told for information."""
    if not Path("/proc/self/status").exists():
        return []  # no VmHWM on this platform
    name = fixture.source.name
    volume = fixture.volume.nbytes / 1e6
    tiny = generate(fixture.work / "tiny", 2, 32)
    rows = []
    for task, case, _, goal in _CASES:
        peak = _peak(case, fixture, tiny)
        rows.append(single_row(name, task, "volume", peak, volume, goal=goal, unit="MB"))
    for task, case in {task: case for task, _, case, _ in _CASES[::2]}.items():
        label = f"{task}, dicube 0.3.0"
        if fixture.dicube is None:
            rows.append(not_installed(name, label, "volume", None))
        else:
            peak = _peak(case, fixture, tiny)
            rows.append(single_row(name, label, "volume", peak, volume, goal=None, unit="MB"))
    return rows


def _peak(case: str, fixture: Fixture, tiny: Path) -> float:
    """Return the megabytes that one task needs above what was in memory before."""
    file = fixture.theirs if case.startswith("dicube") else fixture.ours
    arguments = [fixture.source.folder, file, tiny, fixture.work, fixture.threads]
    command = [sys.executable, str(_CHILD), case, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"memory of {case}: {done.stderr.strip()}")
    return int(done.stdout) / 1e6
