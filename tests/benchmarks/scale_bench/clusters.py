"""The same tree by processes of this machine and by dask workers: equal, then how long."""

from __future__ import annotations

import shutil
import time
from functools import partial
from typing import TYPE_CHECKING

from core_bench.equality import UnequalError
from core_bench.timing import Comparison, Race

import dicube_core

if TYPE_CHECKING:
    from pathlib import Path

    from core_bench.outcome import Row
    from tree_bench.trees import Tree

    from dicube_plugins.dask import DaskWorkers

__all__ = ["check_equal", "compare", "cost_of_a_task"]

_PAIRS = (
    Comparison("tree, dask workers", "dask", "processes", "as many processes", 1.15),
    Comparison("tree that is there, dask workers", "dask again", "again", "as many processes"),
    Comparison("verify all, dask workers", "dask verify", "verify", "as many processes"),
)


def compare(tree: Tree, work: Path, workers: DaskWorkers, jobs: int, rounds: int) -> list[Row]:
    """Return rows of times; everything is checked to be equal before."""
    dask, own = work / "dask", work / "own"
    dicube_core.convert_tree(tree.root, dask, workers=workers)
    dicube_core.convert_tree(tree.root, own, jobs=jobs)
    check_equal(dask, own)
    race = Race(tree.name)
    fresh = work / "fresh"
    clear = partial(shutil.rmtree, fresh, ignore_errors=True)
    convert, verify = dicube_core.convert_tree, dicube_core.verify_files
    race.add("dask", lambda: convert(tree.root, fresh, workers=workers), clear)
    race.add("processes", lambda: convert(tree.root, fresh, jobs=jobs), clear)
    race.add("dask again", lambda: convert(tree.root, dask, workers=workers))
    race.add("again", lambda: convert(tree.root, own, jobs=jobs))
    race.add("dask verify", lambda: verify(dask, workers=workers))
    race.add("verify", lambda: verify(own, jobs=jobs))
    race.run(rounds)
    return [race.row(pair) for pair in _PAIRS]


def check_equal(one: Path, other: Path) -> int:
    """Compare all files of two folders byte for byte; return their number."""
    first, second = ({p.name: p.read_bytes() for p in f.iterdir()} for f in (one, other))
    if first.keys() != second.keys():
        raise UnequalError(f"other files: {first.keys() ^ second.keys()}")
    for name, data in first.items():
        if data != second[name]:
            raise UnequalError(f"{name} differs")
    return len(first)


def cost_of_a_task(workers: DaskWorkers, n_tasks: int) -> float:
    """Return the seconds of this process, with client and scheduler, for a task of no work.

    It is time of a processor: what others do at the same time makes no difference.
    """
    start = time.process_time()
    if sum(1 for _ in workers.map(abs, range(n_tasks))) != n_tasks:
        raise UnequalError("tasks are missing")
    return (time.process_time() - start) / n_tasks
