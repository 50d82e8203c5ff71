"""The benchmark of training runs, has a row for every goal, and its checks can fail. No times."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from core_bench.equality import UnequalError
from core_bench.series import SourceFolder, generate

import dicube_core

_SCRIPT = Path(__file__).with_name("bench_training.py")


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> dict:
    for package in ("torch", "monai", "torchio", "nibabel"):
        pytest.importorskip(package, exc_type=ImportError)
    path = tmp_path_factory.mktemp("bench") / "report.json"
    command = [sys.executable, str(_SCRIPT), "--quick", "--json", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "equal: every patch and image" in done.stdout
    assert "smallest form:" in done.stdout
    return json.loads(path.read_text())


@pytest.mark.filterwarnings("ignore")
def test_every_goal_has_a_row(report: dict) -> None:
    goals = {(row["task"].split(":")[0], row["goal"]) for row in report["rows"]}
    assert {("MONAI", 0.2), ("TorchIO", 0.2), ("MONAI", 0.5), ("MONAI", 0.6)} <= goals
    assert ("storage of 1 series", 1) in goals
    assert all(row["ratio"] is None or row["ratio"] > 0 for row in report["rows"])
    assert {"task", "against", "goal", "ratio", "data"} <= set(report["rows"][0])


def test_made_series_differ_and_are_whole(tmp_path: Path) -> None:
    pytest.importorskip("nibabel")
    from training_bench.made_series import make_series, make_tall

    source = SourceFolder("x", generate(tmp_path / "x", 4, 32))
    volumes = [
        dicube_core.load_from_dicom_folder(make_series(source, tmp_path / str(n), n)).raw_image
        for n in (0, 1, 2)
    ]
    first = dicube_core.load_from_dicom_folder(source.folder).raw_image
    assert np.array_equal(volumes[0], first)
    assert not any(np.array_equal(first, other) for other in volumes[1:])
    assert all(np.array_equal(np.sort(first, None), np.sort(other, None)) for other in volumes)
    tall = dicube_core.load_from_dicom_folder(make_tall(source, tmp_path / "tall", 10))
    assert tall.raw_image.shape[0] == 10
    assert tall.space is not None


def test_another_patch_stops_the_benchmark() -> None:
    pytest.importorskip("nibabel")
    from training_bench.patches import _check

    ways = {"tensor .dcbs": np.zeros, "tensor .nii": np.ones}
    with pytest.raises(UnequalError, match="another patch"):
        _check(
            {name: lambda _, make=make: make((1, 2, 2, 2)) for name, make in ways.items()},
            (5, 5, 5),
            (2, 2, 2),
        )
