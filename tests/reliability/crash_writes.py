"""Kill, starve and rob every writer, and show that the old file or the new one is there.

    python tests/reliability/crash_writes.py            # all of it, several minutes
    python tests/reliability/crash_writes.py --short    # a sample, as the test does
    python tests/reliability/crash_writes.py --only kill --runs 100

Prints a table for each section, and what must not be. Exit code 1 if there is any of that.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

import click

# A process that is forked must have no threads that hold locks.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from reliability.crash import injecting, killing, places, races
from reliability.crash.bench import Bench
from reliability.crash.children import DONE, import_what_is_needed, run
from reliability.crash.writers import CONTROL, WRITERS, Writer, make_inputs

SECTIONS = ("kill", "lines", "faults", "disk", "places", "races")
#: Sections that a short run has for these only: the others write by the same code.
SAMPLE = ("save", "convert_tree", "export file", "edit in place", "deliver zip", "capability cache")


class Campaign:
    """Runs sections over writers, prints tables, collects problems."""

    def __init__(self, options: argparse.Namespace, folder: Path) -> None:
        self.options, self.folder = options, folder
        self.inputs, self.area = folder / "inputs", folder / "work" / "area"
        self.problems: list[str] = []
        self.writers = _chosen(options)
        (folder / "work").mkdir()
        made = run(lambda: make_inputs(self.inputs))
        if made.code != DONE:
            raise SystemExit(made.message)
        import_what_is_needed(self.writers, self.inputs, self.area)
        self.benches = [Bench(writer, self.inputs, self.area) for writer in self.writers]

    def kill(self) -> None:
        rng = random.Random(self.options.seed)
        total: Counter[str] = Counter()
        columns = ("runs", "before", "during", "after", "old", "new", "between", *_BAD)
        click.echo(f"\nkill -9 at random moments, seed {self.options.seed}")
        _head(columns)
        for bench in self.benches:
            counts = killing.kill_at_random(bench, self.options.runs, rng)
            self._row(bench.writer.name, counts, columns)
            total += counts
        self._row("all", total, columns, judge=False)

    def lines(self) -> None:
        columns = ("runs", "not reached", "before", "during", "after", "old", "new", *_BAD)
        click.echo("\nkill -9 at every line of the modules that write")
        _head(columns)
        for bench in self.benches:
            if not self.options.short or bench.writer.name in ("save", "export file"):
                counts = killing.kill_at_lines(bench, 3 if self.options.short else 1)
                self._row(bench.writer.name, counts, columns)

    def faults(self) -> None:
        reason = injecting.reason_not_to()
        if reason:
            click.echo(f"\nfaults of system calls: skipped, {reason}")
            return
        columns = ("runs", "hit", "error", "done", "bad", "old", "new", "between", "fewer", *_BAD)
        click.echo("\na fault at every system call that changes the file system, and kill -9 at it")
        _head(columns)
        total: Counter[str] = Counter()
        for bench in self.benches:
            log = self.folder / "strace.log"
            for call, faults in injecting.inject(bench, log, self.options.step).items():
                self._row(f"{bench.writer.name}: {call}", faults.counts, columns)
                self.problems += faults.problems
                total += faults.counts
        self._row("all", total, columns, judge=False)

    def disk(self) -> None:
        click.echo("\nfull disks")
        _head(_PLACE)
        if os.getuid() and shutil.which("unshare") and not self.options.inside:
            command = ["unshare", "-rm", sys.executable, *sys.argv, "--inside"]
            done = subprocess.run(command, check=False)
            self.problems += ["full disks, see above"] * (done.returncode != 0)
            return
        steps = 4 if self.options.short else 16
        work = self.folder / "work"
        for name, counts in (
            ("no room", places.full_disk(self.writers, self.inputs, work, steps)),
            ("no inodes", places.no_inodes(self.writers, self.inputs, work)),
        ):
            if counts is None:
                click.echo(f"{name}: skipped, file systems cannot be mounted here")
            else:
                self._place(name, counts)

    def places(self) -> None:
        click.echo("\nlimits and places")
        _head(_PLACE)
        steps = 3 if self.options.short else 12
        work = self.folder / "work"
        self._place("file size limit", places.size_limit(self.writers, self.inputs, work, steps))
        self._place("read-only folder", places.read_only_folder(self.writers, self.inputs, work))
        for name, robbery in places.ROBBERIES.items():
            self._place(name, places.robbed_folder(self.writers, self.inputs, work, robbery))

    def races(self) -> None:
        rounds = 5 if self.options.short else 60
        click.echo("\nseveral writers at once")
        for name, (counts, problems) in (
            ("one file, with readers", races.race(self.folder / "race", rounds)),
            ("one folder", races.race_folders(self.inputs, self.folder / "folders", rounds)),
            ("one tree", races.race_trees(self.inputs, self.folder / "trees", rounds)),
        ):
            found = ", ".join(f"{key} {value}" for key, value in counts.items())
            click.echo(f"{name:32}{found}")
            self.problems += [f"{name}: {problem}" for problem in problems]

    def _place(self, name: str, found: places.PlaceCounts) -> None:
        self._row(name, found.counts, _PLACE)
        self.problems += [f"{name}: {problem}" for problem in found.problems]

    def _row(
        self, name: str, counts: Counter[str], columns: tuple[str, ...], *, judge: bool = True
    ) -> None:
        click.echo(f"{name:32}" + "".join(f"{counts[key]:>{len(key) + 2}}" for key in columns))
        if judge:
            self.problems += [f"{name}: {key} {counts[key]}" for key in _BAD if counts[key]]


_BAD = ("lost", "mixture", "litter", "next save failed")
_PLACE = ("runs", "refused", "done", "old", "new", "between", "lost", "mixture")


def _head(columns: tuple[str, ...]) -> None:
    click.echo(" " * 32 + "".join(f"  {key}" for key in columns))


def _chosen(options: argparse.Namespace) -> list[Writer]:
    names = options.writers.split(",") if options.writers else None
    if names is None and options.short:
        names = list(SAMPLE)
    chosen = [one for one in [*WRITERS, CONTROL] if names is not None and one.name in names]
    return chosen if names is not None else WRITERS


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=0, help="random kills of each writer")
    parser.add_argument("--only", action="append", choices=SECTIONS)
    parser.add_argument("--writers", default="", help="names, with commas between them")
    parser.add_argument("--seed", type=int, default=20)
    parser.add_argument("--step", type=int, default=1, help="of the faults, take every so many-th")
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.runs = options.runs or (4 if options.short else 40)
    with tempfile.TemporaryDirectory(prefix="dcbs-crash-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # for the part that runs as another user
        campaign = Campaign(options, folder)
        sections = options.only or [s for s in SECTIONS if s != "faults" or not options.short]
        for section in ["disk"] if options.inside else sections:
            getattr(campaign, section)()
    click.echo(f"\nproblems: {len(campaign.problems)}")
    for problem in campaign.problems:
        click.echo(f"  {problem}")
    return 1 if campaign.problems else 0


if __name__ == "__main__":
    sys.exit(main())
