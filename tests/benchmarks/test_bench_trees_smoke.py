"""The benchmark of trees runs, has a row for every goal, and its checks can fail. No times."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from core_bench.equality import UnequalError
from core_bench.outcome import NOT_INSTALLED
from tree_bench.contestants import Contestants, find_dcm2niix
from tree_bench.equality import check_results
from tree_bench.trees import make_tree

import dicube_core

_SCRIPT = Path(__file__).with_name("bench_trees.py")
_WITH_GOALS = {
    "tree, unverified",
    "tree, verified",
    "tree, command, unverified",
    "tree, command, verified",
    "tree, processes for all processors",
    "tree that is there already",
    "peak memory: tree to files, verified",
}


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> dict:
    if not Path("/proc/self/clear_refs").exists():
        pytest.skip("memory is read from /proc")
    path = tmp_path_factory.mktemp("bench") / "report.json"
    command = [sys.executable, str(_SCRIPT), "--quick", "--json", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "equal: many: 3 series, every value" in done.stdout
    assert "slices per second" in done.stdout
    return json.loads(path.read_text())


def test_every_goal_has_a_row(report: dict) -> None:
    assert {row["task"] for row in report["rows"] if row["goal"] is not None} == _WITH_GOALS


def test_rows_hold_figures_or_say_what_is_missing(report: dict) -> None:
    missing = set()
    if find_spec("dicube") is None:
        missing.add("dicube 0.3.0")
    if find_dcm2niix() is None:
        missing.add("dcm2niix -z y")
    for row in report["rows"]:
        if row["against"] in missing:
            assert row["verdict"] == NOT_INSTALLED
        else:
            assert row["ratio"] > 0


def test_other_values_stop_the_benchmark(tmp_path: Path) -> None:
    tree = make_tree(tmp_path / "tree", 2, 3, 32)
    contestants = Contestants(tree, tmp_path, None, 1)
    for name, run in contestants.all().items():
        if name != "again":
            contestants.clear(name)
        run()
    assert "one: 2 series, every value" in check_results(contestants)
    path = next(contestants.out("one").iterdir())
    image = dicube_core.load(path)
    image.raw_image[0, 0, 0] ^= 1
    dicube_core.save(image, path)
    with pytest.raises(UnequalError, match="one: other values"):
        check_results(contestants)
    path.unlink()
    with pytest.raises(UnequalError, match="1 series of 2"):
        check_results(contestants)
