"""Run the benchmarks one after another, keep their results, and show them in the documentation.

    python tests/benchmarks/run_all.py --data ../shared/data [--only core training]

Every ``bench_*.py`` beside this file that knows ``--json`` is run, with ``--data`` where it takes
that. Results go to ``docs/results``, plots and tables into the page. Leave the machine alone
meanwhile. The exit status is 1 if a benchmark fails; the others are run all the same.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from plot_results import draw_all
from results_page.results import Results

_HERE = Path(__file__).resolve().parent
_DOCS = _HERE.parents[1] / "docs"


def benches() -> dict[str, Path]:
    """Return the benchmarks by name."""
    return {path.stem.removeprefix("bench_"): path for path in sorted(_HERE.glob("bench_*.py"))}


def options_of(script: Path) -> str:
    """Return what a benchmark says of its options."""
    done = subprocess.run(
        [sys.executable, str(script), "--help"], capture_output=True, text=True, check=True
    )
    return done.stdout


def run(script: Path, arguments: argparse.Namespace, out: Path) -> bool:
    """Run one benchmark, whose output is shown; return whether it ran."""
    known = options_of(script)
    if "--json" not in known:
        return True  # it prints something else than ratios
    command = [sys.executable, str(script)]
    if arguments.data is not None and "--data" in known:
        command += ["--data", str(arguments.data)]
    if arguments.quick and "--quick" in known:
        command += ["--quick"]
    if arguments.rounds is not None and "--rounds" in known:
        command += ["--rounds", str(arguments.rounds)]
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / out.name
        sys.stdout.write(f"\n== {' '.join(command[1:])}\n")
        sys.stdout.flush()
        start = time.perf_counter()
        status = subprocess.run([*command, "--json", str(report)], check=False).returncode
        sys.stdout.write(f"== {script.name}: {time.perf_counter() - start:.0f} s\n")
        if status:
            return False
        if report.exists() and (results := Results.read(report)).rows:
            results.write(out)  # else there was nothing to measure here, such as a GPU
    return True


def main() -> int:
    """Do what the command line says; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--data", type=Path, help="folder with real series")
    parser.add_argument("--only", nargs="+", choices=benches(), default=list(benches()))
    parser.add_argument("--rounds", type=int, help="quiet rounds per task")
    parser.add_argument("--quick", action="store_true", help="tiny data, one round: a try")
    parser.add_argument("--docs", type=Path, default=_DOCS, help="folder of the pages")
    arguments = parser.parse_args()
    failed = []
    for name in arguments.only:
        out = arguments.docs / "results" / f"{name}.json"
        if not run(benches()[name], arguments, out):
            failed.append(name)
    draw_all(arguments.docs)
    if failed:
        sys.stderr.write(f"failed: {', '.join(failed)}\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
