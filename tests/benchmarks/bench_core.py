"""Speed and memory of ``dicube_core`` against dicube 0.3.0, the bare codec and pydicom.

    python tests/benchmarks/bench_core.py --data ../shared/data

Contestants take turns within one process, in rotated order, and are checked to deliver the same
before they are timed. A ratio is taken in each round; the median of them is compared with the
goal. Rounds in which other processes took more than a tenth of the machine are repeated, and left
out of the median. Files are in the page cache. The exit status is 0 whether goals are met or not.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from core_bench.equality import check_all
from core_bench.fixtures import Fixture
from core_bench.fresh import measure_first_calls
from core_bench.imports import time_imports
from core_bench.peers import load_dicube
from core_bench.report import environment, table, write_json
from core_bench.series import find_series
from core_bench.tasks import bare_codec, time_tasks

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
    with bare_codec(fixture) as bare:
        for line in check_all(fixture, bare):
            _say(f"{source.name}: equal: {line}")
        rows = time_tasks(fixture, bare, arguments.rounds)
    return rows + measure_first_calls(fixture, min(arguments.rounds, 7))


def main() -> None:
    """Measure, and print the table."""
    arguments = _arguments()
    facts = environment(arguments.threads, arguments.rounds)
    _say("\n".join(f"{name}: {value}" for name, value in facts.items()))
    dicube_core.set_num_threads(arguments.threads)
    rows = time_imports(arguments.rounds, with_dicube=load_dicube(1) is not None)
    with tempfile.TemporaryDirectory(dir=arguments.work) as work:
        for source in find_series(arguments.data, Path(work), quick=arguments.quick):
            if arguments.series in (None, source.name):
                rows += _measure(source, Path(work), arguments)
    _say(table(rows))
    if arguments.json is not None:
        write_json(arguments.json, facts, rows)


if __name__ == "__main__":
    main()
