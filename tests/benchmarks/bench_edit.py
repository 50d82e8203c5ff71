"""Editing metadata in a file against loading the image, editing it and saving it again.

    python tests/benchmarks/bench_edit.py --data ../shared/data

Contestants take turns within one process, in rotated order; they are checked to write the same
file before they are timed. The exit status is 0 whether goals are met or not.
"""

from __future__ import annotations

from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING

from core_bench.command import run_benchmark, say
from core_bench.equality import UnequalError
from core_bench.fixtures import Fixture
from core_bench.outcome import not_installed
from core_bench.timing import Comparison, Race

import dicube_core

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from core_bench.outcome import Row
    from core_bench.series import SourceFolder

_VALUE = "Somebody^Else"
_AGAINST = "load, edit, save"


def _edit(source: Path, out: Path) -> None:
    dicube_core.edit(source, out, set={"PatientName": _VALUE})


def _load_and_save(source: Path, out: Path) -> None:
    image = dicube_core.load(source)
    image.dicom_meta.set_shared_item("PatientName", _VALUE)
    dicube_core.save(image, out)


def _deidentify(source: Path, out: Path) -> None:
    profile = dicube_core.Deidentification(salt=b"salt of the benchmark")
    dicube_core.edit(source, out, deidentify=profile)


def _measure(source: SourceFolder, work: Path, arguments: argparse.Namespace) -> list[Row]:
    path = Fixture.make(source, work, None, arguments.threads).ours
    first, second = work / "edited.dcbs", work / "saved.dcbs"
    _edit(path, first)
    _load_and_save(path, second)
    if first.read_bytes() != second.read_bytes():
        raise UnequalError(f"{source.name}: the edited file is not the one that was saved")
    say(f"{source.name}: equal: edited and saved file")
    race = Race(source.name)
    race.add("edit", partial(_edit, path, first))
    race.add("load and save", partial(_load_and_save, path, second))
    comparisons = [Comparison("edit one element", "edit", "load and save", _AGAINST, 0.5)]
    search = Comparison("de-identify and search", "deidentify", "load and save", _AGAINST, 2.0)
    rows = []
    if find_spec("dicomanonymizer") is None:
        rows.append(not_installed(source.name, search.task, search.against, search.goal))
    else:
        race.add("deidentify", partial(_deidentify, path, work / "none.dcbs"))
        comparisons.append(search)
    race.run(arguments.rounds)
    return [race.row(comparison) for comparison in comparisons] + rows


def _nothing(work: Path, arguments: argparse.Namespace) -> list[Row]:
    """Return the rows that belong to no series: there are none."""
    del work, arguments
    return []


if __name__ == "__main__":
    run_benchmark(__doc__, _measure, _nothing)
