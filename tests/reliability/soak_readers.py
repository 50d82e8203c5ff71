"""Mixed load on threads and processes for minutes: every result compared, every curve judged.

    python tests/reliability/soak_readers.py --minutes 10 --picture docs/soak.svg

Each process has threads that read files of several kinds through shared readers and readers of
their own, in every form, with errors among them, and write files; one thread more makes child
processes (fork, spawn, fork server). Every ten seconds all stand still, and what is there is
counted. Then single operations are done thousands of times, and what is left is counted. The exit
status is 1 where anything was unequal, or grows; with ``--leak 200`` it must be.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from reliability.soak.growth import LOOPS, measure, shared_of  # noqa: E402
from reliability.soak.report import growth_text, soak_dict, soak_text  # noqa: E402
from reliability.soak.running import run_soak  # noqa: E402
from reliability.soak.subjects import make_subjects  # noqa: E402


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--threads", type=int, default=8, help="of each process")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--growth", type=int, default=10_000, help="times of the light loops")
    parser.add_argument("--no-children", action="store_true")
    parser.add_argument(
        "--rest-every", type=float, default=10, help="seconds between two looks at rest"
    )
    parser.add_argument(
        "--leak", type=int, default=0, help="bytes to leave behind at each operation"
    )
    parser.add_argument("--picture", type=Path)
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def main() -> int:
    """Run, print, and return the exit status."""
    arguments = _arguments()
    fine = True
    facts: dict[str, object] = {}
    with tempfile.TemporaryDirectory() as folder:
        if arguments.minutes:
            result = run_soak(
                Path(folder) / "soak",
                minutes=arguments.minutes,
                threads=arguments.threads,
                processes=arguments.processes,
                children=not arguments.no_children,
                rest_every=arguments.rest_every,
                leak=arguments.leak,
                progress=_say,
            )
            _say(soak_text(result))
            fine = result.ok
            facts["soak"] = soak_dict(result)
            if arguments.picture:
                from reliability.soak.picture import draw

                draw(result, arguments.picture)
        if arguments.growth:
            subjects = make_subjects(Path(folder) / "growth", size=64, count=12, small=4)
            shared = shared_of(list(subjects), Path(folder) / "work")
            found = []
            for name, (_, less) in LOOPS.items():
                found.append(measure(shared, name, max(30, arguments.growth // less)))
                _say(growth_text(found[-1:]).splitlines()[-1])
            shared.close()
            fine = fine and not any(one.growing for one in found)
    if arguments.json:
        arguments.json.write_text(json.dumps(facts))
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main())
