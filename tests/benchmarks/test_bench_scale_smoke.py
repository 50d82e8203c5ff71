"""The benchmark of many series runs, and its checks can fail. No times are asserted."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("distributed")

from core_bench.equality import UnequalError
from scale_bench.child import TASKS
from scale_bench.clusters import check_equal
from scale_bench.costs import Cost, Sample
from scale_bench.plan import plan_table

_SCRIPT = Path(__file__).with_name("bench_scale.py")


def test_every_task_is_measured(tmp_path):
    if not Path("/proc/self/clear_refs").exists():
        pytest.skip("memory is read from /proc")
    path = tmp_path / "report.json"
    command = [sys.executable, str(_SCRIPT), "--quick", "--json", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=240)
    assert done.returncode == 0, done.stderr
    report = json.loads(path.read_text())
    costs = {cost["task"]: cost for cost in report["costs"]}
    assert set(costs) == set(TASKS)
    assert costs["convert"]["bytes_out"] > 0
    assert costs["verify"]["bytes_in"] > costs["metadata"]["bytes_in"] > 0
    assert all(cost["peak_bytes"] > 1e6 for cost in costs.values())
    for row in report["rows"]:
        assert row["ratio"] > 0
        assert {"task", "against", "goal", "data"} <= row.keys()
    assert report["task_s"] > 0
    assert "1,000,000 series like generated_6, 100 workers" in done.stdout


def test_the_plan_is_arithmetic():
    sample = Sample("s", Path(), Path(), 10, 100, 50)
    costs = [Cost("s", "convert", 3.6, 4.0, 2e6, 1e6, 1e8), Cost("t", "convert", 9, 9, 9, 9, 9)]
    line = plan_table(sample, costs, 1000, 10).splitlines()[-1]
    assert line == "| convert | 1 | 0.10 | 0.00 | 0.00 | 6 | 3 |"


def test_other_files_stop_it(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "x.dcbs").write_bytes(b"same")
    assert check_equal(tmp_path / "a", tmp_path / "b") == 1
    (tmp_path / "b" / "x.dcbs").write_bytes(b"other")
    with pytest.raises(UnequalError, match="differs"):
        check_equal(tmp_path / "a", tmp_path / "b")
    (tmp_path / "b" / "y.dcbs").write_bytes(b"more")
    with pytest.raises(UnequalError, match="other files"):
        check_equal(tmp_path / "a", tmp_path / "b")
