"""The GPU benchmark runs, or says why not; its tasks and checks work with a stand-in. No times."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import bench_gpu
import numpy as np
import pytest
from core_bench.equality import UnequalError
from core_bench.series import generate
from gpu_bench.tasks import Target, time_device

import dicube_core
from dicube_plugins import gpu
from dicube_plugins.gpu._compare import examine_decoder
from dicube_plugins.gpu._probed import ProbedDecoder

sys.path.append(str(Path(__file__).parents[1] / "plugins" / "gpu"))

from stand_in_devices import Right


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    folder = tmp_path_factory.mktemp("series")
    dicube_core.convert(generate(folder / "source", 3, 40), folder / "series.dcbs")
    return folder / "series.dcbs"


@pytest.fixture(scope="module")
def decoder():
    device = Right()
    return ProbedDecoder(device, gpu.DeviceCapability("stand-in", examine_decoder(device)))


HOST = Target("numpy", np.array, np.array, lambda: None)


def test_the_command_measures_or_says_why_not(tmp_path, capsys):
    bench_gpu.main(["--quick", "--json", str(tmp_path / "rows.json")])
    printed = capsys.readouterr().out
    rows = json.loads((tmp_path / "rows.json").read_text())
    if "no GPU was measured: " in printed:
        assert rows == []
    else:
        assert {row["goal"] for row in rows} == {1, None}


def test_every_task_has_a_row(path, decoder):
    rows = time_device("small", path, decoder, HOST, 1)
    assert [row["task"] for row in bench_gpu.as_values(rows)] == [row.task for row in rows]
    assert len(rows) == 4
    assert all(row.ratio > 0 for row in rows)
    assert bench_gpu.markdown(rows).count("\n") == 5


def test_other_values_stop_the_benchmark(path, decoder):
    wrong = Target("numpy", np.array, lambda array: array + 1, lambda: None)
    with pytest.raises(UnequalError, match="on the device"):
        time_device("small", path, decoder, wrong, 1)
