"""The benchmark of editing runs and has its rows. No times."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from core_bench.outcome import NOT_INSTALLED

_SCRIPT = Path(__file__).with_name("bench_edit.py")


def test_it_runs_and_has_its_rows(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    command = [sys.executable, str(_SCRIPT), "--quick", "--json", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "equal: edited and saved file" in done.stdout
    rows = {row["task"]: row for row in json.loads(path.read_text())["rows"]}
    assert rows["edit one element"]["ratio"] > 0
    if find_spec("dicomanonymizer") is None:
        assert rows["de-identify and search"]["verdict"] == NOT_INSTALLED
    else:
        assert rows["de-identify and search"]["ratio"] > 0
