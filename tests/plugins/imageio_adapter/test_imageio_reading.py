"""imageio.v3 reads .dcbs files: values, shapes, sources, properties, errors."""

from __future__ import annotations

import io
import tarfile
import threading
import zipfile
from contextlib import suppress
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
from imageio_support import convert, damaged, placed, scaled
from support.metadata_cases import CASES
from support.series import Kind, make_series

import dicube_core
from dicube_core.exceptions import (
    ChecksumError,
    DecodeError,
    FrameIndexError,
    InvalidCubeFileError,
    ReaderClosedError,
)

iio = pytest.importorskip("imageio.v3")
pytestmark = pytest.mark.usefixtures("installed")


def same(found, expected):
    np.testing.assert_array_equal(found, expected)
    assert (found.dtype, found.shape) == (expected.dtype, expected.shape)


def test_the_whole_series_and_single_slices(series, volume):
    same(iio.imread(series), volume)
    same(iio.imread(series, index=...), volume)
    same(iio.imread(series, index=None), volume)
    same(iio.imread(series, index=3), volume[3])
    same(iio.imread(series, index=-1), volume[4])
    same(iio.imread(series, index=np.int64(2)), volume[2])
    same(iio.imread(series, index=slice(3, 0, -2)), volume[3:0:-2])


@pytest.mark.parametrize("index", [5, -6, 1000])
def test_a_slice_that_is_not_there_is_an_index_error(series, index):
    for ask in (iio.imread, iio.improps, iio.immeta):
        with pytest.raises(IndexError, match="out of range, the file has 5") as failure:
            ask(series, index=index)
        assert isinstance(failure.value, FrameIndexError)


@pytest.mark.parametrize("extension", [".dcbs", None])
@pytest.mark.parametrize("source", ["path", "text", "bytes", "view", "file", "buffer", "raw"])
def test_sources(series, volume, source, extension):
    data = series.read_bytes()
    with series.open("rb") as file, series.open("rb", buffering=0) as raw:
        given = {
            "path": series,
            "text": str(series),
            "bytes": data,
            "view": memoryview(data),
            "file": file,
            "buffer": io.BytesIO(data),
            "raw": raw,
        }[source]
        same(iio.imread(given, extension=extension), volume)
        same(iio.imread(given, index=1, extension=extension), volume[1])
        if source in ("file", "buffer", "raw"):
            assert not given.closed
            assert given.tell() == 0


def test_a_member_of_an_archive_that_is_open(series, volume, tmp_path):
    with tarfile.open(tmp_path / "x.tar", "w") as archive:
        archive.add(__file__, "before.py")
        archive.add(series, "series.dcbs")
    with tarfile.open(tmp_path / "x.tar") as archive:
        same(iio.imread(archive.extractfile("series.dcbs")), volume)
    same(iio.imread(io.BufferedReader(io.BytesIO(series.read_bytes()))), volume)


def test_a_buffer_is_read_from_its_start_as_by_other_plugins(series, volume):
    buffer = io.BytesIO()
    buffer.write(series.read_bytes())
    same(iio.imread(buffer, extension=".dcbs"), volume)
    assert buffer.tell() == buffer.getbuffer().nbytes


def test_a_file_in_an_archive(series, volume, tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.write(series, "inner/series.dcbs")
    path = str(tmp_path / "a.zip") + "/inner/series.dcbs"
    same(iio.imread(path), volume)
    same(iio.imread(path, index=4), volume[4])


def test_an_address(series, volume, monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")

    class Handler(SimpleHTTPRequestHandler):
        def __init__(self, *arguments):
            super().__init__(*arguments, directory=series.parent)

        def log_message(self, *arguments):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            address = f"http://127.0.0.1:{server.server_port}/series.dcbs"
            same(iio.imread(address), volume)
            same(iio.imread(address, index=2), volume[2])
        finally:
            server.shutdown()


def test_plugins_by_name_and_by_class(series, volume):
    from dicube_plugins.imageio import DcbsPlugin

    same(iio.imread(series, plugin="dcbs"), volume)
    same(iio.imread(series, plugin=DcbsPlugin, index=2), volume[2])


def test_iteration_decodes_slice_by_slice(series, volume, tmp_path):
    for found, expected in zip(iio.imiter(series), volume, strict=True):
        same(found, expected)
    path, _ = damaged(series, tmp_path, 3)
    slices = iio.imiter(path)
    for index in range(3):  # those before the damaged one come, so it was not decoded yet
        same(next(slices), volume[index])
    with pytest.raises(DecodeError, match="frame 3 at byte"):
        next(slices)


def test_stored_values_are_given_on_request(series):
    with dicube_core.open(series) as reader:
        stored = reader.frames()
    same(iio.imread(series, rescale=False), stored)
    same(iio.imread(series, rescale=False, index=1), stored[1])
    same(next(iio.imiter(series, rescale=False)), stored[0])
    assert iio.improps(series, rescale=False).dtype == stored.dtype == "uint16"


@pytest.mark.parametrize(
    ("kind", "slope", "intercept", "dtype"),
    [
        (Kind("u12"), 1, 0, "uint16"),
        (Kind("u12"), 1, -1024, "int16"),
        (Kind("i16", stored=16, signed=True), 1, -1024, "int32"),
        (Kind("u8", 8, 8), 1, 0, "uint8"),
        (Kind("u12"), 0.5, -3, "float64"),
        (Kind("pet", stored=16, signed=True), [0.25, 1.5, 3], 0, "float64"),
        (Kind("u12_per_slice"), [1, 2, 3], [0, -5, 7], "int16"),
        (Kind("overlay", fill="overlay"), 1, -1024, "int16"),
    ],
    ids=lambda value: value.name if isinstance(value, Kind) else None,
)
def test_values_are_exact_and_the_type_is_that_of_the_properties(
    tmp_path, kind, slope, intercept, dtype
):
    path = convert(tmp_path, make_series(3, kind, scaled(slope, intercept)))
    expected = dicube_core.load(path).get_fdata("float64")
    found = iio.imread(path)
    assert found.dtype == dtype == iio.improps(path).dtype == iio.improps(path, index=1).dtype
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(iio.imread(path, index=-1), expected[-1])


def test_a_modality_lut_is_applied(tmp_path):
    kind = Kind("lut", 8, 4, rows=4, columns=4)
    path = convert(tmp_path, make_series(4, kind, CASES["modality_lut_per_slice"]))
    np.testing.assert_array_equal(iio.imread(path), dicube_core.load(path).get_fdata("float64"))
    assert "ModalityLUTSequence" not in iio.immeta(path)
    assert "ModalityLUTSequence" in iio.immeta(path, exclude_applied=False)


def test_monochrome1_is_not_inverted(tmp_path):
    kind = Kind("u12", photometric="MONOCHROME1")
    path = convert(tmp_path, make_series(2, kind))
    np.testing.assert_array_equal(iio.imread(path, index=0), kind.frame(0).astype(int) - 1024)
    assert iio.immeta(path)["PhotometricInterpretation"] == "MONOCHROME1"


def test_properties(series, volume):
    found = iio.improps(series)
    assert (found.shape, found.dtype) == (volume.shape, volume.dtype)
    assert (found.n_images, found.is_batch) == (5, True)
    assert found.spacing == pytest.approx((2.5, 0.75, 0.5))
    assert iio.improps(series, index=...) == found
    some = iio.improps(series, index=slice(0, 5, 2))
    assert (some.shape, some.n_images) == ((3, 6, 7), 3)
    assert some.spacing == pytest.approx((5.0, 0.75, 0.5))
    one = iio.improps(series, index=-1)
    assert (one.shape, one.n_images, one.is_batch) == ((6, 7), None, False)
    assert one.spacing == pytest.approx((0.75, 0.5))


def test_properties_and_metadata_touch_no_frame(series, tmp_path):
    path, _ = damaged(series, tmp_path, 0)
    assert iio.improps(path).shape == (5, 6, 7)
    assert iio.immeta(path)["Modality"] == "CT"


def test_without_a_true_grid_slices_are_read_and_no_spacing_is_made_up(tmp_path):
    path = convert(tmp_path, make_series(3, edit=placed(0.0, 1.0, 5.0)))
    assert iio.imread(path).shape == (3, 6, 5)
    assert iio.improps(path).spacing is None
    assert iio.improps(path, index=0).spacing == pytest.approx((0.75, 0.5))
    positions = iio.immeta(path)["ImagePositionPatient"]
    assert [z for _, _, z in positions] == [0.0, 1.0, 5.0]


def test_a_series_of_one_slice_is_still_a_series(tmp_path):
    path = convert(tmp_path, make_series(1))
    assert iio.imread(path).shape == iio.improps(path).shape == (1, 6, 5)
    assert iio.imread(path, index=0).shape == (6, 5)


def test_a_damaged_frame_is_named_and_the_others_are_read(series, volume, tmp_path):
    path, offset = damaged(series, tmp_path, 3)
    same(iio.imread(path, index=2), volume[2])
    for index in (3, -2, None, ...):
        with pytest.raises(ChecksumError, match=f"frame 3 at byte {offset}") as failure:
            iio.imread(path, index=index)
        assert str(path) in str(failure.value)
        with pytest.raises(ChecksumError, match=f"frame 3 at byte {offset}"):
            iio.imread(path, index=index, plugin="dcbs")


@pytest.mark.parametrize("plugin", [None, "dcbs"])
def test_damage_elsewhere_is_told_in_our_words(series, tmp_path, plugin):
    data = series.read_bytes()
    (tmp_path / "cut.dcbs").write_bytes(data[:200])
    for ask in (iio.imread, iio.improps, iio.immeta):
        with pytest.raises(InvalidCubeFileError, match=r"cut\.dcbs"):
            ask(tmp_path / "cut.dcbs", plugin=plugin)
    with pytest.raises(InvalidCubeFileError, match="<bytes>"):
        iio.imread(data[:200], extension=".dcbs", plugin=plugin)


def test_an_open_file_is_read_by_many_threads(series, volume):
    failures = []

    def work(file, turn):
        try:
            for step in range(20):
                index = (turn + step) % 5
                assert np.array_equal(file.read(index=index), volume[index])
                assert np.array_equal(file.read(), volume)
        except BaseException as exc:  # noqa: BLE001 - of a thread
            failures.append(exc)

    for source in (series, series.read_bytes()):
        with iio.imopen(source, "r", plugin="dcbs") as file:
            threads = [threading.Thread(target=work, args=(file, turn)) for turn in range(8)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
    assert failures == []


def test_a_closed_file_says_so(series):
    with iio.imopen(series, "r") as file:
        assert file.read(index=0).shape == (6, 7)
        assert file.reader.geometry.shape == (5, 6, 7)
        with pytest.raises(io.UnsupportedOperation, match="for reading"):
            file.write(np.zeros((1, 2, 5), "uint8"))
    file.close()
    for ask in (file.read, file.properties, file.metadata, lambda: next(file.iter())):
        with pytest.raises(ReaderClosedError):
            ask()


def test_no_file_stays_open(series, tmp_path):
    path, _ = damaged(series, tmp_path, 0)
    # A file left open is a ResourceWarning, which is an error here.
    for _ in range(3):
        iio.imread(series)
        with suppress(DecodeError):
            iio.imread(path)
        next(iio.imiter(series))
    file = iio.imopen(series, "r")
    file.read(index=0)
    handle = file.request.get_file()
    del file
    assert handle.closed
