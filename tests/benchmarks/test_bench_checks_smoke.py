"""The benchmark of the checks runs, and "without" is really without. No times here."""

import json

import bench_checks
import pytest
from check_bench.tasks import file_of
from check_bench.unchecked import without_checks

import dicube_core
from dicube_core.exceptions import DicomCubeError


def test_it_measures_reading_opening_and_saving(tmp_path):
    bench_checks.main(["--quick", "--json", str(tmp_path / "r.json")])
    rows = json.loads((tmp_path / "r.json").read_text())["rows"]
    tasks = {row["task"] for row in rows}
    assert {"read: checks", "open: time", "open: peak memory", "save: verified"} <= tasks
    assert all(row["ratio"] > 0 for row in rows)


def test_without_checks_nothing_is_checked_and_with_them_all_is(tmp_path):
    data = bytearray(file_of(tmp_path, 16, 3).read_bytes())
    with dicube_core.open(bytes(data)) as reader:
        at = reader.container.header.frame_lengths.offset
    data[at] ^= 1
    with without_checks(), dicube_core.open(bytes(data)) as reader:
        assert reader.frame_count == 3
    with pytest.raises(DicomCubeError):
        dicube_core.open(bytes(data))
