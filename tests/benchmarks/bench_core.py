"""Speed and memory of ``dicube_core`` against dicube 0.3.0, the bare codec and pydicom.

    python tests/benchmarks/bench_core.py --data ../shared/data

Contestants take turns within one process, in rotated order, and are checked to deliver the same
before they are timed. A ratio is taken in each round; the median of them is compared with the
goal. Rounds in which other processes took more than a tenth of the machine are repeated, and left
out of the median. Files are in the page cache. The exit status is 0 whether goals are met or not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from core_bench.command import run_benchmark, say
from core_bench.equality import check_all
from core_bench.fixtures import Fixture
from core_bench.fresh import measure_first_calls
from core_bench.imports import time_imports
from core_bench.peers import load_dicube
from core_bench.tasks import bare_codec, time_tasks

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from core_bench.outcome import Row
    from core_bench.series import SourceFolder


def _measure(source: SourceFolder, work: Path, arguments: argparse.Namespace) -> list[Row]:
    fixture = Fixture.make(source, work, load_dicube(arguments.threads), arguments.threads)
    with bare_codec(fixture) as bare:
        for line in check_all(fixture, bare):
            say(f"{source.name}: equal: {line}")
        rows = time_tasks(fixture, bare, arguments.rounds)
    return rows + measure_first_calls(fixture, min(arguments.rounds, 7))


def _imports(_: Path, arguments: argparse.Namespace) -> list[Row]:
    return time_imports(arguments.rounds, with_dicube=load_dicube(1) is not None)


if __name__ == "__main__":
    run_benchmark(__doc__, _measure, _imports)
