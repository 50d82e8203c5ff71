"""The preview benchmark runs, has a row for every goal, and its check can fail. No times."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from core_bench.equality import UnequalError
from core_bench.series import generate
from preview_bench.tasks import check

import dicube_core

_SCRIPT = Path(__file__).with_name("bench_preview.py")


def test_every_goal_has_a_row(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    command = [sys.executable, str(_SCRIPT), "--quick", "--json", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    rows = json.loads(path.read_text())["rows"]
    assert {row["goal"] for row in rows if "of the width" in row["task"]} == {0.125, 0.5}
    assert all(row["ratio"] > 0 for row in rows)
    assert len(rows) == (9 if find_spec("PIL") else 6)


def test_another_series_stops_the_benchmark(tmp_path: Path) -> None:
    for seed in (1, 2):
        dicube_core.convert(generate(tmp_path / str(seed), 2 + seed, 32), tmp_path / f"{seed}.dcbs")
    with pytest.raises(UnequalError):
        check(tmp_path / "1.dcbs", tmp_path / "2.dcbs")
