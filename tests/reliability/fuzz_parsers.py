"""Fuzz the parsers, guided by coverage.

    python tests/reliability/fuzz_parsers.py --seconds 20
    python tests/reliability/fuzz_parsers.py --target container --minutes 30 --corpus found
    python tests/reliability/fuzz_parsers.py --target container --reproduce FILE

A finding is any exception that is not of the package's error tree, an error whose text shows
internals, a promise that was broken (see the targets), too much time or memory. The reproducer is
written, and the exit status is 1. ``--minimise`` puts the fewest inputs of ``--corpus`` that reach
everything into ``tests/reliability/fuzz/corpus``.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from reliability.fuzz.catalogue import TARGETS
from reliability.fuzz.corpus import keep
from reliability.fuzz.runner import Outcome, Plan, fuzz, merged, table

#: Bytes of inputs that are kept for each target.
_BUDGET = 3000


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--target", action="append", choices=sorted(TARGETS), help="all by default")
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--seconds", type=int, default=20, help="for each target")
    length.add_argument("--minutes", type=int, help="for each target")
    parser.add_argument("--workers", type=int, default=1, help="targets at the same time")
    parser.add_argument("--seed", type=int, default=1, help="of the fuzzer's random numbers")
    parser.add_argument("--corpus", type=Path, help="folder that keeps the inputs found")
    parser.add_argument("--findings", type=Path, help="folder for reproducers")
    parser.add_argument("--minimise", action="store_true", help="keep the inputs of --corpus")
    parser.add_argument("--reproduce", type=Path, help="run one input, and show what comes of it")
    arguments = parser.parse_args()
    if arguments.reproduce and len(arguments.target or ()) != 1:
        parser.error("--reproduce needs one --target")
    if arguments.minimise and not arguments.corpus:
        parser.error("--minimise needs --corpus")
    return arguments


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _minimise(names: list[str], corpus: Path) -> None:
    for name in names:
        inputs = merged(name, [corpus / name] if (corpus / name).exists() else [])
        _say(f"{name}: {len(inputs)} inputs reach everything, {keep(name, inputs, _BUDGET)} kept")


def main() -> int:
    """Run the command; return its exit status."""
    arguments = _arguments()
    names = arguments.target or list(TARGETS)
    if arguments.reproduce:
        TARGETS[names[0]].run(arguments.reproduce.read_bytes())
        _say("nothing was found")
        return 0
    if arguments.minimise:
        _minimise(names, arguments.corpus)
        return 0
    findings = arguments.findings or Path(tempfile.gettempdir()) / "fuzz-findings"
    seconds = arguments.seconds if arguments.minutes is None else 60 * arguments.minutes
    plan = Plan(seconds, arguments.seed, findings, arguments.corpus)
    _say(f"{len(names)} targets, {seconds} s each, seed {arguments.seed}")
    outcomes: list[Outcome] = []
    for outcome in fuzz(names, plan, arguments.workers):
        outcomes.append(outcome)
        if outcome.log:
            _say(f"{outcome.target}:\n{outcome.log}")
            _say("\n".join(map(str, outcome.findings)) or "the run broke down")
    _say(table(outcomes))
    return int(any(outcome.log for outcome in outcomes))


if __name__ == "__main__":
    sys.exit(main())
