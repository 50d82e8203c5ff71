"""Kinds of pixels in itk: every value, or a refusal that names the kind."""

from __future__ import annotations

import numpy as np
import pytest
from kind_files import COLOURS, REALS, file_of, frames_of, image_file, place, rgb_of
from support.kind_series import bits_of

from dicube_core.exceptions import UnsupportedKindError

itk = pytest.importorskip("itk")

from dicube_plugins.itk import imread, imwrite  # noqa: E402

# Where this warning of Python's about SWIG is an error, loading itk's modules ends the process.
pytestmark = pytest.mark.filterwarnings("ignore:builtin type .* has no __module__")


def values(image):
    return np.asarray(itk.array_from_image(image))


@pytest.mark.parametrize("name", COLOURS)
def test_colour_has_three_components(name, tmp_path):
    sort = COLOURS[name]
    image, expected = imread(file_of(sort, tmp_path)), rgb_of(sort)
    assert image.GetNumberOfComponentsPerPixel() == 3
    np.testing.assert_array_equal(values(image), expected)
    if expected.dtype == np.uint8:
        assert isinstance(image, itk.Image[itk.RGBPixel[itk.UC], 3])


def test_colour_as_numbers_is_refused(tmp_path):
    path = file_of(COLOURS["rgb"], tmp_path)
    grey = image_file(tmp_path / "grey.dcbs", np.ones((4, 5, 6), "uint8"), place())
    with pytest.raises(UnsupportedKindError, match="three numbers of colour"):
        imread(path, itk.F)
    with pytest.raises(UnsupportedKindError, match="one real number"):
        imread(grey, itk.RGBPixel[itk.UC])


@pytest.mark.parametrize("name", REALS)
def test_real_values_are_as_they_are_stored(name, tmp_path):
    sort = REALS[name]
    found = values(imread(file_of(sort, tmp_path)))
    assert found.dtype == sort.dtype
    np.testing.assert_array_equal(bits_of(found), bits_of(frames_of(sort)))


def test_64_bits_as_far_as_itk_has_them(tmp_path):
    numbers = (np.arange(120).reshape(4, 5, 6) << 50).astype("uint64")
    path = image_file(tmp_path / "x.dcbs", numbers, place())
    np.testing.assert_array_equal(values(imread(path)), numbers)
    path = image_file(tmp_path / "y.dcbs", numbers.astype("int64"), place())
    try:
        found = values(imread(path))
    except UnsupportedKindError as exc:
        assert "no image of type int64" in str(exc)  # noqa: PT017 - wheels differ in it
    else:
        np.testing.assert_array_equal(found, numbers)


def test_colour_and_real_values_written_and_read(tmp_path):
    colours = np.random.default_rng(5).integers(0, 256, (4, 5, 6, 3)).astype("uint8")
    image = itk.image_from_array(colours, ttype=itk.Image[itk.RGBPixel[itk.UC], 3])
    imwrite(image, tmp_path / "x.dcbs")
    np.testing.assert_array_equal(values(imread(tmp_path / "x.dcbs")), colours)
    real = np.random.default_rng(5).normal(0, 1, (4, 5, 6)).astype("float32")
    imwrite(itk.image_from_array(real), tmp_path / "y.dcbs")
    np.testing.assert_array_equal(values(imread(tmp_path / "y.dcbs")), real)
