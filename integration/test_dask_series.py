"""One function over many files, by every scheduler of dask; and the histogram that is made so."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

pytest.importorskip("distributed")

from typing import TYPE_CHECKING

import dask_tasks
from distributed import Client, LocalCluster
from support.kind_series import PALETTE, Sort, sort_series
from support.raw import text
from support.series import Kind, make_series
from support.whole import write_files

import dicube_core
from dicube_core.exceptions import DataConsistencyError, TruncatedFileError
from dicube_core.modality import ModalityValues
from dicube_plugins.dask import histogram, map_series

if TYPE_CHECKING:
    from pathlib import Path

SCHEDULERS = ("sync", "threads", "processes")
EDGES = (-1200, -500, -100.5, 0, 40, 41, 2000, 5000)


def own_slope(index, nodes):
    """Give each slice a slope of its own, as PET has."""
    nodes[0x00281053] = text(0x00281053, "DS", f"{0.5 + 0.25 * index}")


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> list[Path]:
    """Two series of CT, one of PET, colour, one that is damaged and one that is not there."""
    root = tmp_path_factory.mktemp("files")
    series = {
        "ct.dcbs": make_series(5, Kind("ct", rows=20, columns=18)),
        "signed.dcbs": make_series(3, Kind("signed", stored=16, signed=True, rows=9, columns=9)),
        "slopes.dcbs": make_series(4, Kind("pet", rows=12, columns=10), own_slope),
        "colour.dcbs": sort_series(Sort("rgb_planes", planar=1, rows=3, columns=5)),
        "damaged.dcbs": make_series(3),
    }
    for name, sources in series.items():
        write_files(root / name / "in", sources)
        dicube_core.convert(root / name / "in", root / f"x-{name}")
    damaged = root / "x-damaged.dcbs"
    damaged.write_bytes(damaged.read_bytes()[:-20])
    return [*(root / f"x-{name}" for name in series), root / "gone.dcbs"]


def shape(reader: dicube_core.Reader) -> tuple[int, ...]:
    return reader.shape


def check_shapes(found, files):
    assert [file for file, _ in found] == files
    assert [value for _, value in found[:3]] == [(5, 20, 18), (3, 9, 9), (4, 12, 10)]
    assert isinstance(found[4][1], TruncatedFileError)
    assert isinstance(found[5][1], FileNotFoundError)


@pytest.mark.parametrize(
    ("scheduler", "batch"), [("sync", None), ("threads", 4), ("threads", None), ("processes", 2)]
)
def test_results_in_order_with_errors_among_them(files, scheduler, batch):
    check_shapes(map_series(shape, files, scheduler=scheduler, batch=batch), files)


def test_nothing_and_what_is_no_error():
    assert map_series(shape, [], scheduler="sync") == []
    assert map_series(shape, [], scheduler="threads") == []


def test_arguments_that_cannot_be(files):
    for batch in (0, -3):
        with pytest.raises(ValueError, match="batch must be at least 1"):
            map_series(shape, files, scheduler="sync", batch=batch)
    with pytest.raises(TypeError, match="a list of files"):
        map_series(shape, str(files[0]), scheduler="sync")


def test_a_cluster_that_is_current_is_used_and_stays_open(files, tmp_path):
    with (
        LocalCluster(
            n_workers=1, threads_per_worker=2, processes=False, dashboard_address="127.0.0.1:0"
        ) as made,
        Client(made) as client,
    ):
        check_shapes(map_series(lambda reader: reader.shape, map(str, files)), map_str(files))
        check_shapes(map_series(shape, files, client), files)
        assert client.status == "running"
        counted = histogram(files, EDGES)
    assert_counted(counted, files)


def map_str(files):
    return [str(file) for file in files]


def truth(files) -> np.ndarray:
    values = []
    for file in files[:3]:
        with dicube_core.open(file) as reader:
            values.append(ModalityValues(reader).frames().ravel().astype(np.float64))
    return np.concatenate(values)


def assert_counted(counted, files):
    values = truth(files)
    expected = [((values >= low) & (values < high)).sum() for low, high in pairwise(EDGES)]
    expected[-1] += (values == EDGES[-1]).sum()
    assert counted.counts.tolist() == expected
    assert counted.outside == values.size - sum(expected)
    assert counted.outside > 0
    assert counted.series == 3
    kinds = [type(error) for _, error in counted.failed]
    assert kinds == [DataConsistencyError, TruncatedFileError, FileNotFoundError]
    assert [file for file, _ in counted.failed] == files[3:]
    assert "colour has no modality values" in str(counted.failed[0][1])


@pytest.mark.parametrize("scheduler", SCHEDULERS)
def test_the_histogram_counts_every_value_once(files, scheduler):
    assert_counted(histogram(files, EDGES, scheduler=scheduler), files)


@pytest.mark.parametrize("edges", [[1], [1, 1], [2, 1], [[1, 2]]])
def test_edges_that_do_not_rise(edges):
    with pytest.raises(ValueError, match="rising"):
        histogram([], edges)


def test_indices_of_a_palette_are_no_values(tmp_path):
    sort = Sort("palette", photometric="PALETTE COLOR", extra=PALETTE)
    dicube_core.convert(write_files(tmp_path / "in", sort_series(sort)), tmp_path / "x.dcbs")
    counted = histogram([tmp_path / "x.dcbs"], EDGES, scheduler="sync")
    assert counted.series == counted.counts.sum() == 0
    assert "colour has no modality values" in str(counted.failed[0][1])


def test_limits_reach_processes(files):
    before = dicube_core.get_limits().frame_bytes
    dicube_core.set_limits(frame_bytes=100)
    try:
        found = map_series(dask_tasks.decode, files[:1], scheduler="processes")
    finally:
        dicube_core.set_limits(frame_bytes=before)
    assert "frame_bytes" in str(found[0][1])
