"""Labelled arrays and references of a file on a web server: only what is asked for is fetched."""

import json
import pickle
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "arrays"))

import array_files
from support.series import Kind
from support.web_server import serving

import dicube_core
from dicube_core.exceptions import DicomCubeError

xr = pytest.importorskip("xarray")
pytest.importorskip("urllib3")

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")

COUNT = 16
KIND = Kind("large", stored=16, rows=200, columns=150)


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return array_files.ct_file(tmp_path_factory.mktemp("urls"), KIND, COUNT)


@pytest.fixture(scope="module")
def expected(path):
    return array_files.modality_of(path)


@pytest.fixture
def server(path):
    with serving(path.read_bytes(), path="/study.dcbs") as file:
        yield file


def test_xarray_opens_an_address(server, expected):
    found = xr.open_dataset(server.url, cache=False)
    assert len(server.log) <= 2
    server.clear()
    np.testing.assert_array_equal(found.image[9], expected[9])
    assert len(server.log) == 1
    with dicube_core.open(server.url) as reader:
        assert server.log[0].length <= 1.1 * reader.container.index.lengths[9]
    server.clear()
    np.testing.assert_array_equal(found.image, expected)
    assert len(server.log) < COUNT  # frames side by side come in one request
    server.clear()
    copy = pickle.loads(pickle.dumps(found))
    np.testing.assert_array_equal(copy.image[[3, 12], 5:9], expected[[3, 12], 5:9])


def test_dask_processes_open_the_address(server, expected):
    dask = pytest.importorskip("dask")
    found = xr.open_dataset(server.url, chunks={})
    with dask.config.set(scheduler="processes", num_workers=2):
        assert float(found.image.max()) == expected.max()


def test_a_file_that_changes_is_an_error(server):
    found = xr.open_dataset(server.url, cache=False)
    server.etag = '"two"'
    with pytest.raises(DicomCubeError, match="changed"):
        _ = found.image[9].values


def test_references_of_an_address(server, expected, path, tmp_path):
    pytest.importorskip("aiohttp")
    pytest.importorskip("kerchunk")
    zarr = pytest.importorskip("zarr")
    refs = dicube_core.references(server.url)
    front = sum(asked.length for asked in server.log)
    assert len(server.log) <= 2
    assert front < path.stat().st_size / 4
    assert refs["refs"]["image/3.0.0"][0] == server.url
    server.clear()
    options = {"fo": refs, "remote_protocol": "http", "remote_options": {"asynchronous": True}}
    group = zarr.open_group("reference://", storage_options=options, mode="r", zarr_format=2)
    np.testing.assert_array_equal(group["image"][3].astype(float) - 1024, expected[3])
    assert [asked.length for asked in server.log if asked.start >= 0] == [
        refs["refs"]["image/3.0.0"][2]
    ]
    np.testing.assert_array_equal(group["image"][:].astype(float) - 1024, expected)
    (tmp_path / "refs.json").write_text(json.dumps(refs))
    found = xr.open_dataset(str(tmp_path / "refs.json"), engine="kerchunk", chunks={})
    np.testing.assert_array_equal(found.image[5], expected[5])
