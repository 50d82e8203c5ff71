"""Speed and memory of ``convert_tree`` against dicube 0.3.0 and dcm2niix.

    python tests/benchmarks/bench_trees.py --rounds 7

A generated tree of several CT series is converted: by us with one process and one thread, with
several processes, and by the command line; by dicube 0.3.0, series by series; by dcm2niix to
.nii.gz. Contestants take turns, in rotated order, and are checked to deliver the same first.
Ratios below 1 mean that ours is faster; lines below the table give slices per second.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from core_bench.command import run_benchmark, say
from core_bench.peers import load_dicube
from core_bench.timing import Comparison, Race
from tree_bench.contestants import Contestants
from tree_bench.equality import check_results
from tree_bench.memory import measure_memory
from tree_bench.trees import make_tree

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from core_bench.outcome import Row
    from core_bench.series import SourceFolder

_DICUBE, _DCM2NIIX = "dicube 0.3.0", "dcm2niix -z y"
_PAIRS = (
    Comparison("tree, unverified", "many_unverified", "dicube", _DICUBE, 1.0),
    Comparison("tree, verified", "many", "dicube", _DICUBE, 1.0),
    Comparison("tree, command, unverified", "command_unverified", "dcm2niix", _DCM2NIIX, 1.0),
    Comparison("tree, command, verified", "command", "dcm2niix", _DCM2NIIX, 1.0),
    # Two processors at best halve the time; what starting processes costs is in it.
    Comparison("tree, processes for all processors", "many", "one", "1 job, 1 thread", 0.70),
    Comparison("tree, 1 job, threads for all", "threads", "one", "1 job, 1 thread"),
    Comparison("tree that is there already", "again", "many", "first run", 0.50),
)


def _trees(work: Path, arguments: argparse.Namespace) -> list[Row]:
    quick = arguments.quick
    tree = make_tree(work / "tree", *((3, 4, 64) if quick else (10, 80, 512)))
    contestants = Contestants(tree, work, load_dicube(arguments.threads), arguments.threads)
    runs = contestants.all()
    for name, run in runs.items():
        if name != "again":
            contestants.clear(name)
        run()
    for line in check_results(contestants):
        say(f"{tree.name}: equal: {line}")
    race = Race(tree.name)
    for name, run in runs.items():
        fresh = None if name == "again" else lambda name=name: contestants.clear(name)
        race.add(name, run, fresh)
    race.run(arguments.rounds)
    rows = [race.row(comparison) for comparison in _PAIRS]
    for comparison, row in zip(_PAIRS, rows, strict=True):
        if row.ours is not None and row.other is not None:
            ours, other = (1e3 * tree.slices / t for t in (row.ours, row.other))
            say(
                f"{tree.name}: {comparison.task}: {ours:.0f} slices per second, "
                f"{comparison.against}: {other:.0f}"
            )
    long = (20, 64) if quick else (2000, 512)
    return rows + measure_memory(work, *long, arguments.threads)


def _no_series(_source: SourceFolder, _work: Path, _arguments: argparse.Namespace) -> list[Row]:
    return []


if __name__ == "__main__":
    run_benchmark(__doc__, _no_series, _trees)
