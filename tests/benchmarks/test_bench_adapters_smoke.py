"""The adapter benchmark runs, has a row for every goal, and its checks can fail. No times."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from core_bench.equality import UnequalError
from core_bench.fixtures import Fixture
from core_bench.series import SourceFolder, generate

_SCRIPT = Path(__file__).with_name("bench_adapters.py")
_WITH_GOALS = {
    "nibabel": {"nibabel: middle slice, new image", "nibabel: whole volume"},
    "SimpleITK": {"SimpleITK: whole volume", "SimpleITK: 3 of 6 slices"},
    "pydicom": {"pydicom: dcmread of the series, lazy", "pydicom: decode HTJ2K"},
}


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> dict:
    path = tmp_path_factory.mktemp("bench") / "report.json"
    command = [sys.executable, str(_SCRIPT), "--quick", "--json", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "equal: values, and geometry" in done.stdout
    return json.loads(path.read_text())


@pytest.mark.parametrize("framework", _WITH_GOALS)
def test_every_goal_has_a_row(report: dict, framework: str) -> None:
    if find_spec(framework) is None:
        pytest.skip(f"{framework} is not installed")
    with_goals = {row["task"] for row in report["rows"] if row["goal"] is not None}
    assert {task for task in with_goals if task.startswith(framework)} == _WITH_GOALS[framework]
    assert all(row["ratio"] > 0 for row in report["rows"])


def test_another_series_stops_the_benchmark(tmp_path: Path) -> None:
    import pydicom
    from adapter_bench.pydicom_tasks import _check

    import dicube_plugins

    made = [
        Fixture.make(SourceFolder(str(n), generate(tmp_path / str(n), n, 32)), tmp_path, None, 2)
        for n in (2, 3)
    ]
    dicube_plugins.install("pydicom")
    try:
        _check(made[0], pydicom.dcmread(made[0].ours))
        with pytest.raises(UnequalError):
            _check(made[0], pydicom.dcmread(made[1].ours))
    finally:
        dicube_plugins.uninstall("pydicom")
