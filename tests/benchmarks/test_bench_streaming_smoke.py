"""The streaming benchmark runs, has a row for every goal, and its checks can fail. No times."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from core_bench.equality import UnequalError
from core_bench.fixtures import Fixture
from core_bench.outcome import NOT_INSTALLED
from core_bench.series import SourceFolder, generate
from stream_bench.equality import check_slices
from stream_bench.scrolling import ThreadGrowthError, _Scroll

_SCRIPT = Path(__file__).with_name("bench_streaming.py")
_WITH_GOALS = {
    "HTJ2K slice, our file",
    "HTJ2K slice, file of 0.3.0",
    "Explicit VR LE slice, our file",
    "open to first slice, our file",
    "fresh process, one slice",
    "scroll 60, forwards",
    "scroll 60, backwards",
    "scroll 60, random",
    "scroll 60, 8 threads",
    "open a long file",
    "memory of a long file, open",
}
_PRINTED = {f"{task}: p99" for task in _WITH_GOALS if task.startswith("scroll")}
_PRINTED |= {"memory of a reader, 20 opened", "memory of a reader, 20 used once"}


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> dict:
    if not Path("/proc/self/status").exists():
        pytest.skip("memory is read from /proc")
    path = tmp_path_factory.mktemp("bench") / "report.json"
    command = [sys.executable, str(_SCRIPT), "--quick", "--json", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "equal: our file: the source's bytes" in done.stdout
    return json.loads(path.read_text())


def test_every_goal_has_a_row(report: dict) -> None:
    assert {row["task"] for row in report["rows"] if row["goal"] is not None} == _WITH_GOALS
    assert {row["task"] for row in report["rows"]} >= _PRINTED


def test_rows_hold_figures_or_say_what_is_missing(report: dict) -> None:
    has_dicube = find_spec("dicube") is not None
    for row in report["rows"]:
        if (row["against"].startswith("dicube") or "0.3.0" in row["task"]) and not has_dicube:
            assert row["verdict"] == NOT_INSTALLED
        else:
            assert row["ratio"] > 0


def _made(folder: Path, count: int) -> Fixture:
    source = SourceFolder(str(count), generate(folder / str(count), count, 32))
    return Fixture.make(source, folder, None, 2)


def test_unequal_slices_stop_the_benchmark(tmp_path: Path) -> None:
    one, other = _made(tmp_path, 2), _made(tmp_path, 3)
    assert check_slices(one)
    mixed = Fixture(one.source, tmp_path, other.ours, other.theirs, None, 2)
    with pytest.raises(UnequalError, match="other instances"):
        check_slices(mixed)


def test_threads_that_are_not_accounted_for_stop_the_benchmark(tmp_path: Path) -> None:
    scroll = _Scroll(_made(tmp_path, 3).ours, [[0, 1, 2]] * 3, 50)
    assert scroll.run() > 0
    assert len(scroll.latencies) == 9
    assert 0 < scroll.p99() <= 1e3 * max(scroll.latencies)
    with pytest.raises(ThreadGrowthError):
        scroll._check(0)
