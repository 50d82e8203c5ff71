"""The benchmark of multi-frame sources runs, finds equal frames and prints its ratios. No times."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

_SCRIPT = Path(__file__).with_name("bench_multiframe.py")


def test_it_runs_and_prints_its_ratios() -> None:
    command = [sys.executable, str(_SCRIPT), "--frames", "6", "--size", "24", "--rounds", "1"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "equal in all frames" in done.stdout
    assert len(re.findall(r"ratio \d", done.stdout)) == 3
