"""Slices as data sets, and the series as a file for functions that open one themselves."""

import io
from pathlib import Path

import numpy as np
import pydicom
import pytest
from conftest_series import write_series
from pydicom.pixels import iter_pixels, pixel_array  # before the adapter is installed
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    HTJ2KLossless,
    ImplicitVRLittleEndian,
)
from support.compare import flatten
from support.series import Kind, make_series

from dicube_core.exceptions import (
    FrameIndexError,
    InvalidCubeFileError,
    TransferSyntaxError,
    UnsupportedKindError,
)
from dicube_core.streaming import DcbStreamingReader
from dicube_plugins.pydicom import datasets, dcmread, open_dicom

BUNDLED = Path(pydicom.__file__).parent / "data" / "test_files"
SYNTAXES = {
    "htj2k": HTJ2KLossless,
    "explicit": ExplicitVRLittleEndian,
    "implicit": ImplicitVRLittleEndian,
    "deflated": DeflatedExplicitVRLittleEndian,
    "auto": HTJ2KLossless,
}


def served(path, index, syntax=None):
    with DcbStreamingReader(path) as reader:
        return reader.get_dicom_for_frame(index, transfer_syntax=syntax)


def assert_same(found, data):
    expected = pydicom.dcmread(io.BytesIO(data))
    assert found == expected
    assert found.file_meta == expected.file_meta
    assert flatten(found, ()) == flatten(expected, ())
    assert found.preamble == expected.preamble


@pytest.mark.parametrize("index", range(6))
def test_a_slice_is_what_the_streaming_reader_serves(series, index):
    assert_same(dcmread(series.path, frame=index), served(series.path, index))
    assert_same(dcmread(series.path, frame=index - 6), served(series.path, index))


@pytest.mark.parametrize("name", SYNTAXES)
def test_transfer_syntaxes(series, name):
    found = dcmread(series.path, frame=2, transfer_syntax=name)
    assert found.file_meta.TransferSyntaxUID == SYNTAXES[name]
    assert_same(found, served(series.path, 2, str(SYNTAXES[name])))
    np.testing.assert_array_equal(found.pixel_array, series.volume[2])


def test_uncompressed_where_pydicom_cannot_decode(series, monkeypatch):
    decoder = pydicom.pixels.get_decoder(HTJ2KLossless)
    monkeypatch.setattr(decoder, "_available", {})
    for found in (dcmread(series.path, frame=0), next(datasets(series.path))):
        assert found.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
        np.testing.assert_array_equal(found.pixel_array, series.volume[0])


def test_options_of_a_slice(series):
    found = dcmread(series.path, frame=1, stop_before_pixels=True)
    assert "PixelData" not in found
    found = dcmread(series.path, frame=np.int64(1), specific_tags=["PatientID"], defer_size=1)
    assert [element.keyword for element in found] == ["SpecificCharacterSet", "PatientID"]
    found = dcmread(series.path, frame=1, defer_size=1)
    assert_same(found, served(series.path, 1))


def test_a_slice_knows_its_file(series):
    found = dcmread(series.path, frame=1)
    assert found.filename == str(series.path)
    assert dcmread(io.BytesIO(series.path.read_bytes()), frame=1).filename is None


@pytest.mark.parametrize("index", [6, -7])
def test_no_such_frame(series, index):
    with pytest.raises(FrameIndexError):
        dcmread(series.path, frame=index)


def test_no_such_transfer_syntax(series):
    with pytest.raises(TransferSyntaxError, match="htj2k"):
        dcmread(series.path, frame=0, transfer_syntax="jpeg")
    with pytest.raises(TransferSyntaxError):
        dcmread(series.path, transfer_syntax="implicit")  # of a whole series
    with pytest.raises(TypeError):
        dcmread(series.path, frame="0")


@pytest.mark.parametrize("kind", [bytes, bytearray])
@pytest.mark.parametrize("read", [dcmread, datasets, open_dicom])
def test_bytes_are_no_file(kind, read, series):
    with pytest.raises(TypeError, match="BytesIO"):
        read(kind(series.path.read_bytes()))


def test_iteration(series):
    for index, found in enumerate(datasets(series.path)):
        assert_same(found, served(series.path, index))
    assert index == 5
    headers = list(datasets(series.path, "explicit", stop_before_pixels=True))
    assert len(headers) == 6
    assert not any("PixelData" in header for header in headers)
    assert [h.InstanceNumber for h in headers] == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("how", ["deleted", "another folder"])
def test_iteration_needs_no_path_any_more(how, series, tmp_path, monkeypatch):
    (tmp_path / "x.dcbs").write_bytes(series.path.read_bytes())
    monkeypatch.chdir(tmp_path)
    iterator = datasets("x.dcbs")
    if how == "deleted":
        (tmp_path / "x.dcbs").unlink()
    else:
        monkeypatch.chdir(tmp_path.parent)
    found = list(iterator)
    np.testing.assert_array_equal([one.pixel_array for one in found], series.volume)
    assert {one.filename for one in found} == {"x.dcbs"}


def test_iteration_opens_the_file_at_once(tmp_path):
    (tmp_path / "x.dcbs").write_bytes(b"DCMCUBES and no more")
    with pytest.raises(Exception, match=r"x\.dcbs"):
        datasets(tmp_path / "x.dcbs")


def test_slices_of_what_no_multi_frame_image_holds(tmp_path):
    """32 bits: the error says how to read them, and that works."""
    path = write_series(tmp_path, make_series(3, Kind("u32", 32, 24)))
    with pytest.raises(UnsupportedKindError, match="one by one"):
        dcmread(path)
    for index, found in enumerate(datasets(path)):
        assert_same(found, served(path, index))


def test_a_file_for_functions_that_take_one(series):
    file = open_dicom(series.path)
    np.testing.assert_array_equal(pixel_array(file, index=4), series.volume[4])
    np.testing.assert_array_equal(pixel_array(file), series.volume)
    np.testing.assert_array_equal(list(iter_pixels(file)), series.volume)
    assert pydicom.dcmread(file) == dcmread(series.path)
    with open_dicom(series.path, "explicit") as native:
        np.testing.assert_array_equal(pixel_array(native, index=4), series.volume[4])


@pytest.mark.usefixtures("installed")
class TestInstalled:
    def test_a_frame(self, series):
        for function in (pydicom.dcmread, pydicom.filereader.dcmread):
            assert_same(function(series.path, frame=3), served(series.path, 3))
        found = pydicom.dcmread(series.path, None, True, frame=3)
        assert "PixelData" not in found

    def test_a_transfer_syntax(self, series):
        found = pydicom.dcmread(series.path, transfer_syntax="explicit")
        assert found.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian

    def test_not_for_other_files(self):
        with pytest.raises(InvalidCubeFileError, match="CT_small"):
            pydicom.dcmread(BUNDLED / "CT_small.dcm", frame=0)

    @pytest.mark.parametrize("form", [Path, str])
    def test_functions_that_open_a_path_themselves(self, series, form):
        path = form(series.path)
        np.testing.assert_array_equal(pixel_array(path, index=4), series.volume[4])
        np.testing.assert_array_equal(pixel_array(path), series.volume)
        np.testing.assert_array_equal(list(iter_pixels(path)), series.volume)
        found = list(iter_pixels(path, indices=[5, 0]))
        np.testing.assert_array_equal(found, series.volume[[5, 0]])
        described = pydicom.Dataset()
        pixel_array(path, ds_out=described, specific_tags=[0x00100020])
        assert described.PatientID == "PAT-0042"
        assert described.Rows == series.volume.shape[1]

    def test_they_read_other_paths_as_before(self):
        path = BUNDLED / "CT_small.dcm"
        expected = pydicom.dcmread(path).pixel_array
        np.testing.assert_array_equal(pixel_array(path), expected)
        with pytest.raises(FileNotFoundError):
            pixel_array(BUNDLED / "missing.dcm")


def test_not_without_the_adapter(series):
    with pytest.raises(TypeError):
        pydicom.dcmread(series.path, frame=0)
    with pytest.raises(AttributeError):
        pixel_array(series.path)
