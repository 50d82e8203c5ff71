"""What checks cost: on a read, on opening a file, on saving it.

    python tests/benchmarks/bench_checks.py --data ../shared/data

Contestants take turns within one process and are checked to deliver the same before they are
timed; a ratio is taken in each round, the median is compared with the goal. "Without" is the same
code with its checks patched away, which only this benchmark can do. The exit status is 0 whether
goals are met or not.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from check_bench.tasks import file_of, measure_opening, measure_reading, measure_saving
from core_bench.report import environment, table, write_json

import dicube_core

_DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
#: Sides of the frames whose reading is measured, and counts of those in files to open.
SIZES, COUNTS = (64, 256, 512, 1024), (200, 2000)


def _arguments(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--data", type=Path, default=_DATA, help="folder with real series")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--json", type=Path, help="write all samples to this file")
    parser.add_argument("--quick", action="store_true", help="small frames, one round")
    return parser.parse_args(arguments)


def _real_series(data: Path, work: Path) -> list[tuple[str, Path]]:
    found = []
    for folder in sorted(data.iterdir()) if data.is_dir() else ():
        if folder.is_dir():
            target = work / f"{folder.name}.dcbs"
            dicube_core.convert(folder, target, verify=False)
            found.append((folder.name, target))
    return found


def main(arguments: list[str] | None = None) -> None:
    """Measure, and print the table."""
    options = _arguments(arguments)
    rounds = 1 if options.quick else options.rounds
    sizes, counts = ((64,), (20,)) if options.quick else (SIZES, COUNTS)
    facts = environment(dicube_core.get_num_threads(), rounds)
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        files = [(f"generated {size}", file_of(work, size, 2)) for size in sizes]
        real = [] if options.quick else _real_series(options.data, work)
        rows = [row for name, path in files + real for row in measure_reading(name, path, rounds)]
        for count in counts:
            path = file_of(work, 16, count)
            rows += measure_opening(f"{count} slices", path, rounds)
        for name, path in real:
            rows += measure_opening(name, path, rounds)
        saved = real or [("generated", file_of(work, sizes[-1], 8))]
        for name, path in saved:
            rows += measure_saving(name, path, rounds, work)
    for name, value in facts.items():
        sys.stdout.write(f"{name}: {value}\n")
    sys.stdout.write(table(rows) + "\n")
    if options.json is not None:
        write_json(options.json, facts, rows)


if __name__ == "__main__":
    main()
