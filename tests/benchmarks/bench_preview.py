"""Previews against decoding everything: lower resolutions, montages, planes, notebooks.

    python tests/benchmarks/bench_preview.py --data ../shared/data

Contestants take turns within one process, in rotated order; a progressive file is checked to give
the same frames before anything is timed. A ratio is taken in each round; the median of the quiet
ones is compared with the goal. Files are in the page cache, and are opened each time. The exit
status is 0 whether goals are met or not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from core_bench.command import run_benchmark, say
from core_bench.fixtures import Fixture
from preview_bench.tasks import time_previews

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from core_bench.outcome import Row
    from core_bench.series import SourceFolder


def _measure(source: SourceFolder, work: Path, arguments: argparse.Namespace) -> list[Row]:
    fixture = Fixture.make(source, work, None, arguments.threads)
    rows = time_previews(fixture, arguments.rounds)
    say(f"{source.name}: equal: frames of both files at every resolution")
    return rows


if __name__ == "__main__":
    run_benchmark(__doc__, _measure, lambda _work, _arguments: [])
