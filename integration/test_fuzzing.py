"""A short run of the fuzzer over all parsers, the same one each time.

A finding fails it. The long run is ``python tests/reliability/fuzz_parsers.py --minutes 30``.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("atheris", reason="the fuzzing engine has wheels for Linux on x86-64 only")

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from reliability.fuzz.catalogue import TARGETS
from reliability.fuzz.runner import Plan, fuzz, table

_SEED = 20261127
#: How many inputs each target gets, in about four seconds. A number, not a time: the same inputs
#: are tried on a slow machine, so a run that found nothing finds nothing again.
_RUNS = dict.fromkeys(TARGETS, 30_000) | {
    "container": 12_000,
    "metadata": 10_000,
    "multiframe": 6000,
    "dataset": 4000,
    "headers": 4000,
    "part10": 4000,
    "conversion": 2000,
    "edits": 2000,
    "slices": 1500,
}


@pytest.mark.timeout(600)
def test_fuzzing_finds_nothing(tmp_path: Path) -> None:
    plan = Plan(0, _SEED, tmp_path / "findings", runs=_RUNS)
    outcomes = [*fuzz([*TARGETS], plan, workers=2)]
    print(f"seed {_SEED}\n{table(outcomes)}")  # noqa: T201 - shown with -s, and where it fails
    broken = {
        outcome.target: (outcome.log, [path.read_bytes() for path in outcome.findings])
        for outcome in outcomes
        if outcome.log
    }
    assert not broken
    assert all(outcome.executions >= _RUNS[outcome.target] for outcome in outcomes)
    assert all(outcome.edges > 20 for outcome in outcomes)


@pytest.mark.timeout(600)
def test_a_run_is_the_same_each_time(tmp_path: Path) -> None:
    names = ("edits", "headers", "edits", "headers")
    runs = dict.fromkeys(names, 400)
    plan = Plan(0, _SEED, tmp_path / "findings", runs=runs)
    found = [replace(outcome, per_second=0) for outcome in fuzz(names, plan, workers=2)]
    assert found[:2] == found[2:]
    assert [outcome.executions for outcome in found] == [400] * 4
    (other,) = fuzz(["edits"], replace(plan, seed=_SEED + 1))
    assert (other.edges, other.features) != (found[0].edges, found[0].features)
