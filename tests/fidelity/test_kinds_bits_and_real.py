"""Single bits, Float and Double Float Pixel Data come back whole."""

from io import BytesIO

import numpy as np
import pydicom
import pytest
from pydicom.pixels import pixel_array
from support.kind_series import Sort, assert_sort_whole, bits_of, sort_series
from support.raw import DEFLATED, EXPLICIT_BE, EXPLICIT_LE, IMPLICIT_LE, PIXEL_DATA, Node, part10
from support.whole import write_files

import dicube_core
from dicube_core.exceptions import DicomCubeError, TransferSyntaxError, UnsupportedKindError
from dicube_core.streaming import DcbStreamingReader

HTJ2K = "1.2.840.10008.1.2.4.201"


def sorts():
    for rows, columns in ((1, 1), (3, 3), (6, 8), (5, 13), (1, 16), (64, 65)):
        size = {"rows": rows, "columns": columns}
        yield Sort(f"bit_{rows}x{columns}", "uint8", "MONOCHROME2", bit=True, **size)
        for dtype in ("float32", "float64"):
            yield Sort(f"{dtype}_{rows}x{columns}", dtype, "MONOCHROME2", **size)


SORTS = {sort.name: sort for sort in sorts()}


@pytest.mark.parametrize("syntax", [EXPLICIT_LE, IMPLICIT_LE])
@pytest.mark.parametrize("name", SORTS)
def test_whole(name, syntax, tmp_path):
    assert_sort_whole(SORTS[name], tmp_path, syntax=syntax)


@pytest.mark.parametrize("syntax", [EXPLICIT_BE, DEFLATED])
@pytest.mark.parametrize("name", ["bit_5x13", "bit_64x65", "float32_5x13", "float64_3x3"])
def test_other_encodings(name, syntax, tmp_path):
    assert_sort_whole(SORTS[name], tmp_path, syntax=syntax, exact=False)


@pytest.mark.parametrize("name", ["bit_5x13", "float32_5x13", "float64_3x3"])
@pytest.mark.parametrize("syntax", [EXPLICIT_LE, IMPLICIT_LE])
def test_delivered_uncompressed(name, syntax, tmp_path):
    sort = SORTS[name]
    source = write_files(tmp_path / "source", sort_series(sort))
    dicube_core.convert(source, tmp_path / "x.dcbs")
    with DcbStreamingReader(tmp_path / "x.dcbs") as stream:
        with pytest.raises(TransferSyntaxError, match=r"single bits|pcodec"):
            stream.get_dicom_for_frame(1, transfer_syntax=HTJ2K)
        default = pydicom.dcmread(BytesIO(stream.get_dicom_for_frame(1)))
        asked = pydicom.dcmread(BytesIO(stream.get_dicom_for_frame(1, transfer_syntax=syntax)))
    assert default.file_meta.TransferSyntaxUID == EXPLICIT_LE
    assert asked.file_meta.TransferSyntaxUID == syntax
    for dataset in (default, asked):
        np.testing.assert_array_equal(bits_of(pixel_array(dataset)), bits_of(sort.frame(1)))


def test_bits_behind_the_last_pixel_are_refused(tmp_path):
    sort = SORTS["bit_3x3"]
    nodes = sort.nodes(0)
    nodes[PIXEL_DATA] = Node(PIXEL_DATA, "OB", b"\xff\xff")
    source = write_files(tmp_path / "source", {"a.dcm": part10(nodes)})
    with pytest.raises(UnsupportedKindError, match="behind the last pixel"):
        dicube_core.convert(source, tmp_path / "x.dcbs")


def test_two_pixel_elements_are_refused(tmp_path):
    nodes = SORTS["float32_3x3"].nodes(0)
    nodes[PIXEL_DATA] = Node(PIXEL_DATA, "OW", bytes(18))
    source = write_files(tmp_path / "source", {"a.dcm": part10(nodes)})
    with pytest.raises(DicomCubeError, match=r"\(7FE0,0010\).*behind the pixels"):
        dicube_core.convert(source, tmp_path / "x.dcbs")


def test_bits_allocated_must_fit_the_element(tmp_path):
    nodes = SORTS["float32_3x3"].nodes(0)
    nodes[0x00280100] = SORTS["float64_3x3"].nodes(0)[0x00280100]
    source = write_files(tmp_path / "source", {"a.dcm": part10(nodes)})
    with pytest.raises(DicomCubeError, match="64"):
        dicube_core.convert(source, tmp_path / "x.dcbs")


def test_modality_values_of_real_values_are_the_values(tmp_path):
    sort = SORTS["float32_6x8"]
    source = write_files(tmp_path / "source", sort_series(sort))
    dicube_core.convert(source, tmp_path / "x.dcbs")
    image = dicube_core.load(tmp_path / "x.dcbs")
    assert image.dtype == np.float32
    found = image.get_fdata("float32")
    np.testing.assert_array_equal(bits_of(found[0]), bits_of(sort.frame(0)))


def test_htj2k_is_refused_for_real_values(tmp_path):
    source = write_files(tmp_path / "source", sort_series(SORTS["float32_6x8"]))
    image = dicube_core.load_from_dicom_folder(source)
    with pytest.raises(UnsupportedKindError, match="real values"):
        dicube_core.save(image, tmp_path / "x.dcbs", codec="htj2k")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_real_array_becomes_dicom(dtype, tmp_path):
    array = np.random.default_rng(0).normal(size=(2, 5, 7)).astype(dtype)
    header = dicube_core.PixelDataHeader(OriginalPixelDtype=dtype, PixelDtype=dtype)
    image = dicube_core.DicomCubeImage(array, header)
    image.init_meta()
    dicube_core.save(image, tmp_path / "x.dcbs")
    with DcbStreamingReader(tmp_path / "x.dcbs") as stream:
        dataset = pydicom.dcmread(BytesIO(stream.get_dicom_for_frame(1)))
    assert "PixelData" not in dataset
    np.testing.assert_array_equal(pixel_array(dataset), array[1])


def test_integers_of_64_bits_are_stored_but_are_no_dicom(tmp_path):
    array = np.random.default_rng(0).integers(-(2**62), 2**62, (2, 5, 7))
    header = dicube_core.PixelDataHeader(OriginalPixelDtype="int64", PixelDtype="int64")
    image = dicube_core.DicomCubeImage(array, header)
    dicube_core.save(image, tmp_path / "x.dcbs")
    with dicube_core.open(tmp_path / "x.dcbs") as reader:
        np.testing.assert_array_equal(reader.frames(), array)
    image.init_meta()
    with pytest.raises(UnsupportedKindError, match="64 bits"):
        dicube_core.save(image, tmp_path / "y.dcbs")


def test_fields_that_real_values_do_not_have_are_not_missed(tmp_path):
    source = write_files(tmp_path / "source", sort_series(SORTS["float32_6x8"]))
    done = dicube_core.convert(source, tmp_path / "x.dcbs")
    assert done.report is not None
    assert not [f for f in done.report.findings if "Bits" in f.message]
