"""What pydicom writes with the adapter, read by other programs; and highdicom through it."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest
from bridge_peers import FILES, given_file
from pydicom.uid import ExplicitVRLittleEndian, HTJ2KLossless, HTJ2KLosslessRPCL
from support.series import Kind, make_series

import dicube_core
import dicube_plugins
from dicube_core.modality import ModalityValues
from dicube_plugins.pydicom import datasets, original_datasets

GREY = [
    Kind("u8", 8, 8, rows=61, columns=47),
    Kind("i8", 8, 8, signed=True, rows=61, columns=47),
    Kind("u8_stored_5", 8, 5, rows=61, columns=47),
    Kind("u16_stored_12", stored=12, rows=61, columns=47),
    Kind("u16", stored=16, rows=61, columns=47),
    Kind("i16_stored_12", stored=12, signed=True, rows=61, columns=47),
    Kind("i16_stored_10", stored=10, signed=True, rows=61, columns=47),
    Kind("i16", stored=16, signed=True, rows=61, columns=47),
    Kind("mono1", stored=12, photometric="MONOCHROME1", rows=61, columns=47),
]


@pytest.fixture(autouse=True)
def _installed():
    dicube_plugins.install("pydicom")
    yield
    dicube_plugins.uninstall("pydicom")


def by_gdcm(path, like):
    gdcm = pytest.importorskip("gdcm", exc_type=ImportError)
    reader = gdcm.ImageReader()
    reader.SetFileName(str(path))
    assert reader.Read()
    data = reader.GetImage().GetBuffer().encode("utf-8", errors="surrogateescape")
    return np.frombuffer(data, like.dtype).reshape(like.shape)


def by_simpleitk(path, like):
    sitk = pytest.importorskip("SimpleITK")
    return sitk.GetArrayFromImage(sitk.ReadImage(str(path))).reshape(like.shape)


READERS = {"gdcm": by_gdcm, "SimpleITK": by_simpleitk}


def write_slice(kind, folder):
    """Return an uncompressed slice without rescale."""

    def edit(_, nodes):
        for tag in (0x00281052, 0x00281053):
            nodes.pop(tag)

    ((name, data),) = make_series(1, kind, edit).items()
    (folder / name).write_bytes(data)
    return pydicom.dcmread(folder / name)


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("syntax", [HTJ2KLossless, HTJ2KLosslessRPCL], ids=["201", "202"])
@pytest.mark.parametrize("kind", GREY, ids=lambda kind: kind.name)
def test_compressed_slices(kind, syntax, reader, tmp_path):
    dataset = write_slice(kind, tmp_path)
    pixels = expected = dataset.pixel_array
    if reader == "SimpleITK" and kind.photometric == "MONOCHROME1":  # which it inverts
        expected = by_simpleitk(dataset.filename, pixels)
    dataset.compress(syntax)
    dataset.save_as(tmp_path / "compressed.dcm")
    np.testing.assert_array_equal(READERS[reader](tmp_path / "compressed.dcm", pixels), expected)


@pytest.mark.parametrize("reader", READERS)
def test_compressed_colour(reader, tmp_path):
    dataset = pydicom.dcmread(pydicom.data.get_testdata_file("SC_rgb_small_odd.dcm"))
    noise = np.random.default_rng(0).integers(0, 256, (33, 21, 3)).astype("u1")
    dataset.Rows, dataset.Columns = 33, 21
    dataset.PixelData = noise.tobytes() + b"\0"
    dataset.PhotometricInterpretation = "YBR_RCT"
    dataset.compress(HTJ2KLossless)
    dataset.save_as(tmp_path / "colour.dcm")
    np.testing.assert_array_equal(READERS[reader](tmp_path / "colour.dcm", noise), noise)


@pytest.mark.parametrize("reader", READERS)
def test_compressed_frames(reader, tmp_path):
    """A multi-frame image, decompressed and compressed again."""
    given = given_file("phantom", tmp_path)
    series = pydicom.dcmread(given.file)
    stored, modality = series.pixel_array, None
    series.decompress()
    series.compress(HTJ2KLossless)
    series.save_as(tmp_path / "again.dcm")
    with dicube_core.open(given.file) as opened:
        modality = ModalityValues(opened).frames()
    expected = stored if reader == "gdcm" else modality
    np.testing.assert_array_equal(READERS[reader](tmp_path / "again.dcm", expected), expected)


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("form", ["auto", "explicit"])
@pytest.mark.parametrize("file", FILES)
def test_a_series_that_was_saved(file, form, reader, tmp_path):
    given = given_file(file, tmp_path)
    series = pydicom.dcmread(given.file, transfer_syntax=form)
    syntax = HTJ2KLossless if form == "auto" else ExplicitVRLittleEndian
    assert series.file_meta.TransferSyntaxUID == syntax
    series.save_as(tmp_path / "saved.dcm")
    with dicube_core.open(given.file) as opened:
        expected = opened.frames() if reader == "gdcm" else ModalityValues(opened).frames()
    np.testing.assert_array_equal(READERS[reader](tmp_path / "saved.dcm", expected), expected)


@pytest.mark.parametrize("file", FILES)
def test_slices_and_originals_of_real_series(file, tmp_path):
    given = given_file(file, tmp_path)
    series = pydicom.dcmread(given.file)
    slices = list(datasets(given.file))
    assert len(slices) == series.NumberOfFrames
    volume = series.pixel_array
    for slice_, original, frame in zip(slices, original_datasets(series), volume, strict=True):
        np.testing.assert_array_equal(slice_.pixel_array, frame)
        del slice_.PixelData
        assert original == slice_


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("file", FILES)
def test_highdicom_reads_the_file(file, tmp_path):
    highdicom = pytest.importorskip("highdicom")
    given = given_file(file, tmp_path)
    volume = highdicom.imread(given.file).get_volume()
    with dicube_core.open(given.file) as opened:
        modality, affine = ModalityValues(opened).frames(), opened.require_geometry().affine_xyz
    found, place = np.squeeze(volume.array), volume.affine
    if np.dot(place[:3, 0], affine[:3, 2]) < 0:  # its slices may run the other way round
        found = found[::-1]
        place = place @ np.array(
            [[-1, 0, 0, len(found) - 1], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]
        )
    np.testing.assert_array_equal(found, modality)
    np.testing.assert_allclose(place[:, [2, 1, 0, 3]], affine, atol=1e-3)
