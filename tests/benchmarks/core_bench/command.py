"""What the benchmark commands share: arguments, the series one by one, table and samples."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import dicube_core
from core_bench.report import environment, table, write_json
from core_bench.series import find_series

if TYPE_CHECKING:
    from collections.abc import Callable

    from core_bench.outcome import Row
    from core_bench.series import SourceFolder

    Measure = Callable[[SourceFolder, Path, argparse.Namespace], list[Row]]
    MeasureOnce = Callable[[Path, argparse.Namespace], list[Row]]

__all__ = ["run_benchmark", "say"]

_SHARED_DATA = Path(__file__).resolve().parents[4] / "shared" / "data"


def say(text: str) -> None:
    """Print a line now, so that a long run can be followed."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _arguments(description: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=description.split("\n", 1)[0])
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


def run_benchmark(description: str, measure: Measure, once: MeasureOnce) -> None:
    """Measure every series, and what needs none; print the table.

    Parameters
    ----------
    description : str
        The command's docstring; its first line is its help.
    measure : callable
        ``measure(series, folder for temporary files, arguments)`` returns rows.
    once : callable
        ``once(folder for temporary files, arguments)`` returns rows that belong to no series.
    """
    arguments = _arguments(description)
    facts = environment(arguments.threads, arguments.rounds)
    say("\n".join(f"{name}: {value}" for name, value in facts.items()))
    dicube_core.set_num_threads(arguments.threads)
    with tempfile.TemporaryDirectory(dir=arguments.work) as folder:
        work = Path(folder)
        rows = once(work, arguments)
        for source in find_series(arguments.data, work, quick=arguments.quick):
            if arguments.series in (None, source.name):
                rows += measure(source, work, arguments)
    say(table(rows))
    if arguments.json is not None:
        write_json(arguments.json, facts, rows)
