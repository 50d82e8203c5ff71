"""Slices on demand: speed and memory against dicube 0.3.0, ``pread`` and the bare decoder.

    python tests/benchmarks/bench_streaming.py --data ../shared/data

Contestants take turns within one process, in rotated order, and are checked to deliver the same
before they are timed. A ratio is taken in each round; the median of the quiet ones is compared
with the goal. Files are in the page cache. "Not cached" means a reader with ``cache_size=0``: no
slice is kept, headers once parsed are, by both packages. The exit status is 0 whether goals are
met or not.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

from core_bench.command import run_benchmark, say
from core_bench.fixtures import Fixture
from core_bench.peers import load_dicube
from stream_bench.equality import check_slices
from stream_bench.fresh import time_processes
from stream_bench.scale import measure_long_file, measure_readers
from stream_bench.scrolling import time_scrolling
from stream_bench.slices import time_slices

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from core_bench.outcome import Row
    from core_bench.series import SourceFolder


def _measure(source: SourceFolder, work: Path, arguments: argparse.Namespace) -> list[Row]:
    fixture = Fixture.make(source, work, load_dicube(arguments.threads), arguments.threads)
    for line in check_slices(fixture):
        say(f"{source.name}: equal: {line}")
    rows = time_slices(fixture, arguments.rounds)
    rows += time_processes(fixture, min(arguments.rounds, 9))
    rows += time_scrolling(fixture, min(arguments.rounds, 9))
    return rows + measure_readers(fixture, 20 if arguments.quick else 1000)


def _long_file(work: Path, arguments: argparse.Namespace) -> list[Row]:
    return measure_long_file(work, 200 if arguments.quick else 10_000, arguments.rounds)


if __name__ == "__main__":
    warnings.simplefilter("ignore")  # dicube warns of its own slices
    run_benchmark(__doc__, _measure, _long_file)
