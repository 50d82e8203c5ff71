"""The remote benchmark runs, has a row for every goal, and its checks can fail. No times."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("urllib3")

from core_bench.equality import UnequalError
from remote_bench.contestants import Client, Forms
from remote_bench.tasks import check
from support.web_server import serving

import dicube_core

_SCRIPT = Path(__file__).with_name("bench_remote.py")


def test_every_goal_has_a_row_and_is_met(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    command = [sys.executable, str(_SCRIPT), "--quick", "--json", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "equal: slices, series" in done.stdout
    rows = json.loads(path.read_text())["rows"]
    # Requests and bytes do not vary, so that these goals can be asserted.
    ratios = {
        (row["task"], row["against"]): row["ratio"] for row in rows if row["goal"] is not None
    }
    assert ratios["open and middle slice: requests", "3"] <= 1
    assert ratios["open and middle slice: bytes", "front + 1.1 slice"] <= 1
    assert len(ratios) == 5
    assert all(row["ratio"] is None or row["ratio"] > 0 for row in rows)


def test_another_series_stops_the_benchmark(tmp_path: Path) -> None:
    from core_bench.fixtures import Fixture
    from core_bench.series import SourceFolder, generate

    source = SourceFolder("x", generate(tmp_path / "x", 2, 32))
    forms = Forms.make(Fixture.make(source, tmp_path, None, 2))
    served = forms.served()
    with serving(b"", "", others=served) as server:
        check(Client(server.url, forms), with_nifti=bool(forms.nifti))
        names = list(forms.dicom)
        served[names[0]], served[names[1]] = served[names[1]], served[names[0]]
        with pytest.raises(UnequalError, match="DICOM"):
            check(Client(server.url, forms), with_nifti=False)
    assert dicube_core.open(forms.progressive).container.resolutions is not None
