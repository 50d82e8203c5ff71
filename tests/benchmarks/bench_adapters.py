"""``.dcbs`` files through pydicom, nibabel and SimpleITK, against what these read otherwise.

    python tests/benchmarks/bench_adapters.py --data ../shared/data

The frameworks' own functions are called after ``dicube_plugins.install``. Contestants take turns
within one process, in rotated order, and are checked to deliver the same before they are timed. A
ratio is taken in each round; the median of the quiet ones is compared with the goal. Files are in
the page cache. A framework that is not installed has no rows. The exit status is 0 whether goals
are met or not.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

from core_bench.command import run_benchmark, say
from core_bench.fixtures import Fixture

import dicube_plugins

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from core_bench.outcome import Row
    from core_bench.series import SourceFolder


def _measure(source: SourceFolder, work: Path, arguments: argparse.Namespace) -> list[Row]:
    fixture = Fixture.make(source, work, None, arguments.threads)
    rows: list[Row] = []
    if find_spec("nibabel"):
        from adapter_bench.nibabel_tasks import time_nibabel

        dicube_plugins.install("nibabel")
        rows += time_nibabel(fixture, arguments.rounds)
    if find_spec("SimpleITK"):
        from adapter_bench.simpleitk_tasks import time_simpleitk

        dicube_plugins.install("SimpleITK")
        rows += time_simpleitk(fixture, arguments.rounds)
    from adapter_bench.pydicom_tasks import time_pydicom

    dicube_plugins.install("pydicom")
    rows += time_pydicom(fixture, arguments.rounds)
    say(f"{source.name}: equal: values, and geometry where it is read")
    return rows


if __name__ == "__main__":
    run_benchmark(__doc__, _measure, lambda _work, _arguments: [])
