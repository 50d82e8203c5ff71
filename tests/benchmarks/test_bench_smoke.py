"""The benchmark runs, its checks hold and can fail, and its arithmetic is right. No times here."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from core_bench.equality import UnequalError, check_all
from core_bench.fixtures import Fixture
from core_bench.outcome import NOT_INSTALLED, not_installed, ratio_row, single_row
from core_bench.series import SourceFolder, find_series, generate
from core_bench.tasks import bare_codec
from core_bench.timing import Race

_SCRIPT = Path(__file__).with_name("bench_core.py")
_TASKS = {
    "import",
    "load, with metadata",
    "load, pixels only",
    "DICOM folder to image",
    "folder to file, unverified",
    "folder to file, verified",
    "save, unverified",
    "save, verified",
    "open, metadata, geometry",
    "preview of all frames, 1/4",
    "size of the file",
}
_MEMORY_TASKS = {"peak memory: load", "peak memory: folder to file, verified"}


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> dict:
    path = tmp_path_factory.mktemp("bench") / "report.json"
    command = [sys.executable, str(_SCRIPT), "--quick", "--json", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "equal: ours" in done.stdout
    assert "equal: bare codec" in done.stdout
    return json.loads(path.read_text())


def test_every_goal_has_a_row(report: dict) -> None:
    tasks = {row["task"] for row in report["rows"] if row["goal"] is not None}
    assert tasks >= _TASKS
    if Path("/proc/self/clear_refs").exists():
        assert tasks >= _MEMORY_TASKS


def test_rows_hold_figures_or_say_what_is_missing(report: dict) -> None:
    has_dicube = find_spec("dicube") is not None
    for row in report["rows"]:
        if row["against"].startswith("dicube") and not has_dicube:
            assert row["verdict"] == NOT_INSTALLED
            assert row["ratio"] is None
        else:
            assert row["ratio"] > 0
            assert row["lowest"] <= row["ratio"] <= row["highest"]


def test_report_names_versions_and_machine(report: dict) -> None:
    facts = report["environment"]
    assert facts["page_cache"] == "warm"
    assert facts["threads"] >= 1
    assert {"imagecodecs", "numpy", "pydicom", "dicube", "cpus", "python"} <= facts.keys()


def test_unequal_results_stop_the_benchmark(tmp_path: Path) -> None:
    sources = [SourceFolder(str(n), generate(tmp_path / str(n), n, 32)) for n in (2, 3)]
    fixture = Fixture.make(sources[0], tmp_path, None, 2)
    other = Fixture.make(sources[1], tmp_path, None, 2)
    mixed = Fixture(sources[0], tmp_path, other.ours, other.theirs, None, 2)
    with bare_codec(fixture) as bare:
        assert check_all(fixture, bare)
        with pytest.raises(UnequalError):
            check_all(mixed, bare)


def test_ratio_is_the_median_over_quiet_rounds() -> None:
    ours, other = [1.0, 2.0, 3.0, 90.0, 4.0], [1.0, 1.0, 1.0, 1.0, 1.0]
    row = ratio_row("s", "t", "a", ours, other, quiet=[0, 1, 2, 4], goal=2.5)
    assert (row.ratio, row.lowest, row.highest) == (2.5, 1.0, 4.0)
    assert row.verdict == "ok"
    everything = ratio_row("s", "t", "a", ours, other, quiet=[0], goal=2.5)
    assert (everything.ratio, everything.verdict) == (3.0, "MISSED")


def test_rows_without_a_goal_have_no_verdict() -> None:
    assert single_row("s", "t", "a", 3.0, 2.0, goal=None, unit="MB").verdict == ""
    assert single_row("s", "t", "a", 3.0, 2.0, goal=1.5, unit="MB").verdict == "ok"
    assert not_installed("s", "t", "a", 0.5).verdict == NOT_INSTALLED


def test_contestants_take_turns_in_rotated_order() -> None:
    calls: list[str] = []
    race = Race("s")
    for name in "abc":
        race.add_timed(name, lambda name=name: calls.append(name) or 1.0)
    race.run(2)
    assert calls == ["a", "b", "c", "b", "c", "a"]


def test_preparation_precedes_every_run() -> None:
    calls: list[str] = []
    race = Race("s")
    race.add("a", lambda: calls.append("run"), lambda: calls.append("prepare"))
    race.run(1)
    assert calls[:2] == ["prepare", "run"]
    assert calls == ["prepare", "run"] * (len(calls) // 2)


def test_generated_series_is_the_same_each_time(tmp_path: Path) -> None:
    one, two = (find_series(None, tmp_path / name, quick=True)[0] for name in "ab")
    assert [p.read_bytes() for p in one.files()] == [p.read_bytes() for p in two.files()]
    assert len(one.files()) == 6
