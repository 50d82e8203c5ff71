"""Pixel type and values against SimpleITK's own reading of the slices, and where it is wrong."""

from __future__ import annotations

import numpy as np
import pytest
from support.metadata_cases import CASES
from support.series import Kind

import dicube_core

sitk = pytest.importorskip("SimpleITK")

from simpleitk_support import assert_same, assert_same_grid, read_folder, rescaled  # noqa: E402

from dicube_core.exceptions import DataConsistencyError, UnsupportedKindError  # noqa: E402
from dicube_plugins.simpleitk import read_image  # noqa: E402

SIZE = {"rows": 9, "columns": 7}
KINDS = [
    Kind("u12", **SIZE),
    Kind("u16", stored=16, **SIZE),
    Kind("i12", signed=True, **SIZE),
    Kind("i16", stored=16, signed=True, **SIZE),
    Kind("u8", 8, 8, **SIZE),
    Kind("i8", 8, 8, signed=True, **SIZE),
    Kind("u8_in_16", stored=8, **SIZE),
    Kind("u32", 32, 32, **SIZE),
    Kind("i32", 32, 32, signed=True, **SIZE),
    Kind("outside", fill="overlay", **SIZE),
    Kind("unextended", signed=True, fill="unextended", **SIZE),
]
FACTORS = [(1, 0), (1, -1024), (2, 0), (-1, 0), (-3, 7), (0.5, -1024), (1, 0.25), (1, 100000)]


def truth(path):
    return dicube_core.load(path).get_fdata("float64")


@pytest.mark.parametrize("factors", FACTORS, ids=str)
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_all_is_equal_to_the_series_reader(make_pair, kind, factors):
    folder, path = make_pair(kind, rescaled(*factors), 3)
    image = read_image(path)
    assert_same(image, read_folder(folder))
    np.testing.assert_array_equal(sitk.GetArrayFromImage(image), truth(path))


@pytest.mark.parametrize(
    ("name", "kind", "factors"),
    [
        # SimpleITK takes the type of the first slice for all, and cuts the others' fractions.
        ("fraction", KINDS[0], ([1, 0.5, 2], 0)),
        ("overflow", KINDS[4], ([1, 2, 3], [0, -5, 7])),
        # It turns MONOCHROME1 into MONOCHROME2, and modality values into others by that.
        ("inverted", Kind("mono1", photometric="MONOCHROME1", **SIZE), (1, -1024)),
        ("high_bit", Kind("high", high=15, **SIZE), (1, 0)),
        ("spare_bits_of_32", Kind("u24", 32, 24, **SIZE), (1, 0)),
    ],
)
def test_where_simpleitk_is_wrong_the_values_are_right(make_pair, name, kind, factors):
    folder, path = make_pair(kind, rescaled(*factors), 3)
    image, theirs = read_image(path), read_folder(folder)
    assert_same_grid(image, theirs)
    np.testing.assert_array_equal(sitk.GetArrayFromImage(image), truth(path))
    # If this fails, SimpleITK was mended, and docs/simpleitk.md can leave the case out.
    assert not np.array_equal(sitk.GetArrayFromImage(theirs), truth(path))


def test_a_slope_per_slice_as_in_pet(make_pair):
    folder, path = make_pair(KINDS[3], rescaled([0.5, 0.25, 1.5], 0), 3)
    image = read_image(path)
    assert image.GetPixelID() == sitk.sitkFloat64
    assert_same(image, read_folder(folder))


def test_kinds_that_simpleitk_does_not_read(make_pair):
    """GDCM has no decoder for some, not even for their headers."""
    _, path = make_pair(Kind("u5", 8, 5, **SIZE), None, 3)  # refused by SimpleITK 2.5
    np.testing.assert_array_equal(sitk.GetArrayFromImage(read_image(path)), truth(path))
    folder, path = make_pair(Kind("u12_in_32", 32, 12, **SIZE), None, 3)
    with pytest.raises(RuntimeError):
        read_folder(folder)
    image = read_image(path)
    np.testing.assert_array_equal(sitk.GetArrayFromImage(image), truth(path))
    assert [image.GetMetaData(f"0028|010{i}") for i in range(4)] == ["32", "12", "11", "0"]
    assert image.GetMetaData("0010|0010") == "Doe^Jane"


def test_a_modality_lut(make_pair):
    _, path = make_pair(Kind("lut", 8, 4, rows=4, columns=4), CASES["modality_lut_per_slice"], 4)
    image = read_image(path)
    assert image.GetPixelID() == sitk.sitkFloat64
    np.testing.assert_array_equal(sitk.GetArrayFromImage(image), truth(path))


@pytest.mark.parametrize(
    "pixel_id",
    [
        sitk.sitkInt16,
        sitk.sitkInt32,
        sitk.sitkInt64,
        sitk.sitkFloat32,
        sitk.sitkFloat64,
        sitk.sitkVectorFloat32,
        sitk.sitkVectorInt16,
    ],
)
@pytest.mark.parametrize("factors", [(1, -1024), (0.3, -100.7)], ids=str)
def test_output_pixel_types(make_pair, pixel_id, factors):
    folder, path = make_pair(KINDS[0], rescaled(*factors))
    assert_same(read_image(path, pixel_id), read_folder(folder, pixel_id))


def test_wide_integers_are_rounded_once(make_pair):
    folder, path = make_pair(KINDS[8], rescaled(1, 0))
    assert_same(read_image(path, sitk.sitkFloat32), read_folder(folder, sitk.sitkFloat32))


def test_complex_numbers_have_no_imaginary_part(make_pair):
    """SimpleITK's own reader gives them one, equal to the real part."""
    _, path = make_pair()
    image = read_image(path, sitk.sitkComplexFloat64)
    assert image.GetPixelID() == sitk.sitkComplexFloat64
    np.testing.assert_array_equal(sitk.GetArrayFromImage(image), truth(path) + 0j)


def test_a_type_that_does_not_hold_the_values_is_refused(make_pair):
    _, path = make_pair(KINDS[0], rescaled(1, -1024))
    with pytest.raises(DataConsistencyError, match=r"frame \d: values from -\d+ to \d+ .* uint8"):
        read_image(path, sitk.sitkUInt8)
    with pytest.raises(RuntimeError):
        read_image(path, sitk.sitkUInt16)


def test_a_narrow_type_that_holds_the_values_is_served(make_pair):
    folder, path = make_pair(Kind("few", stored=5, **SIZE), rescaled(1, 0))
    assert_same(read_image(path, sitk.sitkUInt8), read_folder(folder, sitk.sitkUInt8))


@pytest.mark.parametrize("pixel_id", [sitk.sitkLabelUInt8, 77])
def test_other_types_are_refused(make_pair, pixel_id):
    _, path = make_pair()
    with pytest.raises(UnsupportedKindError, match=f"output pixel type {pixel_id}"):
        read_image(path, pixel_id)
