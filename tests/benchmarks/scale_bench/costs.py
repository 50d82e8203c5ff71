"""What each task costs per series: rounds of all tasks in turn, each in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import dicube_core
from scale_bench.child import TASKS

__all__ = ["Cost", "Sample", "cost_table", "measure_costs"]

_CHILD = Path(__file__).with_name("child.py")


@dataclass(frozen=True, slots=True)
class Sample:
    """A series: its source, its file, and how much that is."""

    name: str
    folder: Path
    file: Path
    frames: int
    source_bytes: int
    file_bytes: int

    @classmethod
    def of(cls, name: str, folder: Path, work: Path) -> Sample:
        """Convert a folder."""
        done = dicube_core.convert(folder, work / f"{name}.dcbs")
        return cls(name, folder, Path(done.path), done.shape[0], done.source_bytes, done.file_bytes)


@dataclass(frozen=True, slots=True)
class Cost:
    """Medians over the rounds, of one series on one thread."""

    data: str
    task: str
    cpu_s: float
    wall_s: float
    bytes_in: float
    bytes_out: float
    peak_bytes: float


def measure_costs(samples: list[Sample], tiny: Sample, rounds: int) -> list[Cost]:
    """Return the costs of all tasks on all series."""
    taken: dict[tuple[int, str], list[dict[str, float]]] = {}
    turns = [(i, task) for i in range(len(samples)) for task in TASKS]
    for number in range(rounds):
        start = number % len(turns)
        for i, task in turns[start:] + turns[:start]:
            taken.setdefault((i, task), []).append(_child(task, tiny, samples[i]))
    return [
        Cost(samples[i].name, task, **{key: median(one[key] for one in found) for key in found[0]})
        for (i, task), found in sorted(
            taken.items(), key=lambda item: (item[0][0], list(TASKS).index(item[0][1]))
        )
    ]


def _child(task: str, tiny: Sample, sample: Sample) -> dict[str, float]:
    paths = (tiny.folder, tiny.file, sample.folder, sample.file)
    command = [sys.executable, str(_CHILD), task, *map(str, paths)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{task}: {done.stderr.strip()[-500:]}")
    found: dict[str, float] = json.loads(done.stdout)
    return found


def cost_table(samples: list[Sample], costs: list[Cost]) -> str:
    """Return the costs as a table in Markdown."""
    lines = [
        "| series | task | CPU s | time s | MB read | MB written | peak MB of the process |",
        "|---|---|---|---|---|---|---|",
    ]
    frames = {sample.name: sample.frames for sample in samples}
    for cost in costs:
        name = f"{cost.data} ({frames[cost.data]} frames)"
        lines.append(
            f"| {name} | {cost.task} | {cost.cpu_s:.3f} | {cost.wall_s:.3f} "
            f"| {cost.bytes_in / 1e6:.1f} | {cost.bytes_out / 1e6:.1f} "
            f"| {cost.peak_bytes / 1e6:.0f} |"
        )
    return "\n".join(lines)
