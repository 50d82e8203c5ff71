"""``.dcbs`` files on a web server 20 ms away, at 100 Mbit/s, against what else is done there.

    python tests/benchmarks/bench_remote.py --data ../shared/data

The server runs in the same process, and waits as long as such a line would: the faster a line, the
better it is to download files whole. Each contestant keeps its connections. All are checked to give
the same before anything is timed; they take turns, in rotated order, and a ratio is taken in each
round. Bytes are those of bodies. The exit status is 0 whether goals are met or not.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from core_bench.command import run_benchmark, say
from core_bench.fixtures import Fixture

if TYPE_CHECKING:
    import argparse

    from core_bench.outcome import Row
    from core_bench.series import SourceFolder

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))


def _measure(source: SourceFolder, work: Path, arguments: argparse.Namespace) -> list[Row]:
    if not find_spec("urllib3"):
        say("urllib3 is not installed: pip install 'dicube-plugins[remote]'")
        return []
    from remote_bench.tasks import time_remote

    rows = time_remote(Fixture.make(source, work, None, arguments.threads), arguments.rounds)
    say(f"{source.name}: equal: slices, series and lower resolutions")
    return rows


if __name__ == "__main__":
    run_benchmark(__doc__, _measure, lambda _work, _arguments: [])
