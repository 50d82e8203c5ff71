"""Fuzz targets, each in a process of its own, and say what came of it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

from reliability.fuzz.catalogue import TARGETS
from reliability.fuzz.corpus import kept_inputs, spread

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

__all__ = ["Outcome", "Plan", "fuzz", "merged", "table"]

_TESTS = Path(__file__).resolve().parents[2]
#: Seconds that one input may take.
_TIMEOUT = 20
_MEMORY = 3000
_EXECUTED = re.compile(r"stat::number_of_executed_units:\s+(\d+)")
_PROGRESS = re.compile(r"#(\d+)\s.*cov: (\d+) ft: (\d+) corp: (\d+)")


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do for each target.

    Parameters
    ----------
    seconds : int
        How long to look for new inputs, unless `runs` is given.
    seed : int
        Of the fuzzer's random numbers.
    findings : Path
        Where reproducers go.
    corpus : Path, optional
        Folder that keeps the inputs found, one folder per target; forgotten if not given.
    runs : mapping of str to int, optional
        Target -> how many inputs to try. Then what is tried depends on the seed alone, not on
        how fast the machine is.
    """

    seconds: int
    seed: int
    findings: Path
    corpus: Path | None = None
    runs: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one target.

    Parameters
    ----------
    target : str
        Its name.
    executions, per_second, edges, features, inputs : int
        As libFuzzer counts them; `inputs` is the size of the corpus at the end, and loading the
        package counts as time.
    findings : tuple of Path
        Reproducers.
    log : str
        The end of what was said, where there are findings or the run broke down.
    """

    target: str
    executions: int
    per_second: int
    edges: int
    features: int
    inputs: int
    findings: tuple[Path, ...]
    log: str


def _words(name: str, folder: Path) -> list[str]:
    """Write the words of a target for libFuzzer; return its option."""
    words = TARGETS[name].words
    if not words:
        return []
    path = folder / "words"
    lines = ('"' + "".join(f"\\x{byte:02x}" for byte in word) + '"' for word in words)
    path.write_text("\n".join(lines))
    return [f"-dict={path}"]


def _run(options: Sequence[str]) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(_TESTS), "PYTHONWARNINGS": "ignore"}
    environment["PYTHONHASHSEED"] = "0"  # the order of sets decides what is covered when
    return subprocess.run(
        [sys.executable, "-m", "reliability.fuzz.engine", *options],
        capture_output=True,
        text=True,
        errors="replace",
        env=environment,
        check=False,
    )


def _quiet(said: str) -> str:
    """Leave out the lines in which libFuzzer tells of progress."""
    return "\n".join(line for line in said.splitlines() if not line.startswith(("#", "INFO")))


def _fuzz_one(name: str, plan: Plan) -> Outcome:
    target = TARGETS[name]
    place = plan.findings / f"{name}-"
    plan.findings.mkdir(parents=True, exist_ok=True)
    before = set(plan.findings.glob(f"{name}-*"))
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        seeds = spread((*target.seeds(), *kept_inputs(name)), folder / "seeds")
        # A list, because the order in which a folder is listed is another on each file system.
        (folder / "list").write_text(",".join(map(str, seeds)))
        found = folder / "found" if plan.corpus is None else plan.corpus / name
        found.mkdir(parents=True, exist_ok=True)
        runs = plan.runs.get(name)
        length = f"-max_total_time={plan.seconds}" if runs is None else f"-runs={runs}"
        options = (length, f"-seed={plan.seed}", f"-timeout={_TIMEOUT}", "-reload=0",
                   f"-rss_limit_mb={_MEMORY}", f"-max_len={target.max_length}",
                   f"-artifact_prefix={place}", "-print_final_stats=1", "-verbosity=1",
                   f"-seed_inputs=@{folder / 'list'}", *_words(name, folder))  # fmt: skip
        started = monotonic()
        done = _run([name, *options, str(found)])
        took = monotonic() - started
    said = done.stdout + done.stderr
    findings = tuple(sorted(set(plan.findings.glob(f"{name}-*")) - before))
    executed = _EXECUTED.findall(said)
    progress = _PROGRESS.findall(said)
    _, edges, features, inputs = map(int, progress[-1]) if progress else (0, 0, 0, 0)
    count = int(executed[-1]) if executed else 0
    failed = bool(findings) or done.returncode != 0 or not count
    return Outcome(
        name,
        count,
        round(count / took),
        edges,
        features,
        inputs,
        findings,
        _quiet(said)[-4000:] if failed else "",
    )


def fuzz(names: Sequence[str], plan: Plan, workers: int = 1) -> Iterator[Outcome]:
    """Fuzz targets, some at the same time; yield what came of each, in their order."""
    with ThreadPoolExecutor(workers) as pool:
        yield from pool.map(lambda name: _fuzz_one(name, plan), names)


def merged(name: str, folders: Sequence[Path]) -> list[bytes]:
    """Return inputs of these folders, smallest first, that reach what no seed reaches."""
    with tempfile.TemporaryDirectory() as temporary:
        seeds, control = Path(temporary) / "seeds", Path(temporary) / "control"
        spread(TARGETS[name].seeds(), seeds)
        found = [path for folder in folders for path in folder.iterdir()]
        files = [*seeds.iterdir(), *sorted(found, key=lambda path: path.stat().st_size)]
        # What `-merge=1` gives to the process that it starts, which needs an executable file.
        control.write_text("\n".join((str(len(files)), "0", *map(str, files), "")))
        options = (f"-max_len={TARGETS[name].max_length}", f"-timeout={_TIMEOUT}")
        _run([name, *options, "-merge_inner=1", f"-merge_control_file={control}"])
        reached = {
            int(words[1]): {*words[2:]}
            for line in control.read_text().splitlines()[len(files) + 2 :]
            if (words := line.split())[:1] == ["FT"]
        }
        covered: set[str] = set()
        chosen = []
        for number, path in enumerate(files):
            if reached.get(number, set()) - covered:
                covered |= reached[number]
                if path.parent != seeds:
                    chosen.append(path.read_bytes())
        return chosen


def table(outcomes: Sequence[Outcome]) -> str:
    """Return the outcomes as text."""
    head = ("target", "executions", "exec/s", "edges", "features", "corpus", "findings")
    rows = [
        (o.target, o.executions, o.per_second, o.edges, o.features, o.inputs, len(o.findings))
        for o in outcomes
    ]
    total = ("all", sum(r[1] for r in rows), "", "", "", sum(r[5] for r in rows),
             sum(r[6] for r in rows))  # fmt: skip
    lines = [head, *rows, total]
    return "\n".join(
        "  ".join(
            str(cell).ljust(14) if place == 0 else str(cell).rjust(10)
            for place, cell in enumerate(line)
        )
        for line in lines
    )
