"""Every pixel kind comes back whole, and wide ones in a form that others can read."""

import numpy as np
import pytest
from support.raw import text
from support.series import KINDS, Kind, make_series
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
