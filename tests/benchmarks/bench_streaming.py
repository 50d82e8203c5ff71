"""Slices on demand: speed and memory against dicube 0.3.0, ``pread`` and the bare decoder.

    python tests/benchmarks/bench_streaming.py --data ../shared/data

Contestants take turns within one process, in rotated order, and are checked to deliver the same
before they are timed. A ratio is taken in each round; the median of the quiet ones is compared
with the goal. Files are in the page cache. "Not cached" means a reader with ``cache_size=0``: no
slice is kept, headers once parsed are, by both packages. The exit status is 0 whether goals are
met or not.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from core_bench.fixtures import Fixture
from core_bench.peers import load_dicube
from core_bench.report import environment, table, write_json
from core_bench.series import find_series
from stream_bench.equality import check_slices
from stream_bench.fresh import time_processes
from stream_bench.scale import measure_long_file, measure_readers
from stream_bench.scrolling import time_scrolling
from stream_bench.slices import time_slices

import dicube_core

if TYPE_CHECKING:
    from core_bench.outcome import Row
    from core_bench.series import SourceFolder

_SHARED_DATA = Path(__file__).resolve().parents[3] / "shared" / "data"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--data", type=Path, default=_SHARED_DATA, help="folder with real series")
    parser.add_argument("--rounds", type=int, default=15, help="quiet rounds per task")
    parser.add_argument("--threads", type=int, default=dicube_core.get_num_threads())
    parser.add_argument("--series", help="only the series of this name")
    parser.add_argument("--json", type=Path, help="write all samples to this file")
    parser.add_argument("--work", type=Path, help="folder for temporary files")
    parser.add_argument("--quick", action="store_true", help="one small series, one round")
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.rounds = 1
    return arguments


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _measure(source: SourceFolder, work: Path, arguments: argparse.Namespace) -> list[Row]:
    fixture = Fixture.make(source, work, load_dicube(arguments.threads), arguments.threads)
    for line in check_slices(fixture):
        _say(f"{source.name}: equal: {line}")
    rows = time_slices(fixture, arguments.rounds)
    rows += time_processes(fixture, min(arguments.rounds, 9))
    rows += time_scrolling(fixture, min(arguments.rounds, 9))
    return rows + measure_readers(fixture, 20 if arguments.quick else 1000)


def main() -> None:
    """Measure, and print the table."""
    arguments = _arguments()
    warnings.simplefilter("ignore")  # dicube warns of its own slices
    facts = environment(arguments.threads, arguments.rounds)
    _say("\n".join(f"{name}: {value}" for name, value in facts.items()))
    dicube_core.set_num_threads(arguments.threads)
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(dir=arguments.work) as work:
        for source in find_series(arguments.data, Path(work), quick=arguments.quick):
            if arguments.series in (None, source.name):
                rows += _measure(source, Path(work), arguments)
        rows += measure_long_file(Path(work), 200 if arguments.quick else 10_000, arguments.rounds)
    _say(table(rows))
    if arguments.json is not None:
        write_json(arguments.json, facts, rows)


if __name__ == "__main__":
    main()
