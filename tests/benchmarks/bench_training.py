"""Training on ``.dcbs`` files: patches, epochs and storage, against what others keep data in.

    python tests/benchmarks/bench_training.py --data ../shared/data

Series are made of a real one (or a generated one) by mirroring and shifting. Results are found
equal before they are timed; contestants take turns in one process, in rotated order. Files are in
the page cache. A form whose package is not installed has no row. The exit status is 0 whether goals
are met or not.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from core_bench.command import say
from core_bench.report import environment, table
from core_bench.series import find_series
from training_bench.forms import make_forms
from training_bench.made_series import make_series, make_tall

import dicube_core

if TYPE_CHECKING:
    from core_bench.outcome import Row
    from core_bench.series import SourceFolder

_SHARED_DATA = Path(__file__).resolve().parents[3] / "shared" / "data"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--data", type=Path, default=_SHARED_DATA, help="folder with real series")
    parser.add_argument("--rounds", type=int, default=11, help="quiet rounds of each patch")
    parser.add_argument("--epochs", type=int, default=3, help="quiet rounds of an epoch")
    parser.add_argument("--count", type=int, default=50, help="series of an epoch")
    parser.add_argument("--stored", type=int, default=3, help="series that storage is taken of")
    parser.add_argument("--tall", type=int, default=240, help="slices of a longer series")
    parser.add_argument("--json", type=Path, help="write all rows to this file")
    parser.add_argument("--work", type=Path, help="folder for temporary files")
    parser.add_argument("--quick", action="store_true", help="small series, one round")
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.rounds = arguments.epochs = 1
        arguments.count, arguments.stored, arguments.tall = 2, 1, 9
    return arguments


def _measure(source: SourceFolder, work: Path, arguments: argparse.Namespace) -> list[Row]:
    from training_bench.epochs import time_epochs
    from training_bench.patches import time_patches
    from training_bench.storage import storage_rows

    made = [
        make_forms(
            f"made_{number:03d}",
            make_series(source, work / f"dicom_{number:03d}", number),
            work,
            arrays=number < arguments.stored,
            dicom=number < arguments.stored,
        )
        for number in range(max(arguments.count, arguments.stored))
    ]
    tall = make_tall(source, work / "tall", arguments.tall)
    rows = storage_rows(made[: arguments.stored], source.name)
    size = 16 if arguments.quick else 64
    short = made[0]
    for name, forms in (
        (source.name, short),
        (f"{source.name} x{arguments.tall}", make_forms("tall_forms", tall, work, arrays=True)),
    ):
        forms.name = name
        rows += time_patches(forms, arguments.rounds, size)
    if find_spec("monai"):
        rows += time_epochs(made[: arguments.count], arguments.epochs, source.name)
    say(f"{source.name}: equal: every patch and image")
    return rows


def main() -> None:
    """Measure and print."""
    if not find_spec("torch"):
        say("torch is not installed: nothing to measure")
        return
    arguments = _arguments()
    facts = environment(dicube_core.get_num_threads(), arguments.rounds)
    say("\n".join(f"{name}: {value}" for name, value in facts.items()))
    with tempfile.TemporaryDirectory(dir=arguments.work) as folder:
        source = find_series(arguments.data, Path(folder), quick=arguments.quick)[0]
        rows = _measure(source, Path(folder), arguments)
    say(table(rows))
    smallest = min((row for row in rows if row.unit == "MB"), key=lambda row: row.other)
    name = smallest.against if smallest.ratio > 1 else ".dcbs"
    say(f"smallest form: {name}")
    if arguments.json is not None:
        found = [{**row.to_dict(), "data": row.series} for row in rows]
        report = {"environment": facts, "rows": found}
        arguments.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
