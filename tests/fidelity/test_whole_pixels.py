"""Every pixel kind comes back whole, and wide ones in a form that others can read."""

import numpy as np
import pytest
from support.encodings import compressed_series
from support.metadata_cases import CASES
from support.raw import text
from support.series import CT, KINDS, Kind, make_series
from support.whole import assert_whole, write_files

import dicube_core


@pytest.mark.parametrize("name", KINDS)
def test_pixel_kind_comes_back_whole(name, tmp_path):
    kind = KINDS[name]
    path = assert_whole(make_series(3, kind), tmp_path)
    with dicube_core.open(path) as reader:
        expected = np.stack([kind.frame(index) for index in range(3)])
        np.testing.assert_array_equal(reader.frames(), expected)
        assert reader.dtype == expected.dtype
        described = reader.pixel_format
    assert described.bits_stored == kind.stored
    assert described.high_bit == kind.high_bit
    assert described.photometric_interpretation == kind.photometric


def test_slopes_of_a_pet_series_stay_with_their_slices(tmp_path):
    slopes = ["0.5", "0.7142857143", "1.25", "2.5e-05"]

    def edit(index, nodes):
        nodes[0x00281052] = text(0x00281052, "DS", "0")
        nodes[0x00281053] = text(0x00281053, "DS", slopes[index])

    kind = Kind("pet", stored=16, signed=True)
    path = assert_whole(make_series(4, kind, edit), tmp_path)
    image = dicube_core.load(path)
    assert image.pixel_header.RescaleSlope == [float(text) for text in slopes]
    for index in range(4):
        np.testing.assert_array_equal(
            image.get_fdata("float64")[index], kind.frame(index) * float(slopes[index])
        )


def test_stored_values_are_never_rescaled(tmp_path):
    folder = write_files(tmp_path / "source", make_series(3))
    image = dicube_core.load_from_dicom_folder(folder)
    assert image.dtype == np.uint16
    assert image.pixel_header.RescaleIntercept == -1024
    np.testing.assert_array_equal(image.get_fdata(), image.raw_image.astype("f4") - 1024)


def test_modality_lut_of_each_slice(tmp_path):
    kind = Kind("lut", stored=12)
    files = make_series(4, kind, CASES["modality_lut_per_slice"])
    path = assert_whole(files, tmp_path)
    for image in (dicube_core.load(path), dicube_core.load_from_dicom_folder(tmp_path / "source")):
        for index in range(4):
            table = np.array([(n * 13 + index) % 65536 for n in range(4096)])
            np.testing.assert_array_equal(
                image.get_fdata("float64")[index], table[kind.frame(index)]
            )


def test_rescale_in_some_slices_only(tmp_path):
    path = assert_whole(make_series(4, edit=CASES["rescale_in_some_slices"]), tmp_path)
    values = dicube_core.load(path).get_fdata()
    for index in range(4):
        offset = 0 if index % 2 else -1024
        np.testing.assert_array_equal(values[index], CT.frame(index).astype("f4") + offset)


def test_unused_bits_of_compressed_sources_are_kept(tmp_path):
    kind = Kind("overlay", rows=70, columns=65, fill="overlay")
    path = assert_whole(compressed_series("rle", kind=kind), tmp_path, exact=False)
    with dicube_core.open(path) as reader:
        np.testing.assert_array_equal(reader.frames(), [kind.frame(i) for i in range(3)])
