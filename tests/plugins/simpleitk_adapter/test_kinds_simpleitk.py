"""Kinds of pixels and series in SimpleITK: as it reads the slices itself, or refused by name."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
from kind_files import (
    BITS,
    COLOURS,
    REALS,
    file_of,
    frames_of,
    image_file,
    place,
    rgb_of,
    tilted,
)
from simpleitk_support import assert_same, assert_same_grid, read_folder
from support.kind_series import bits_of

import dicube_core
from dicube_core.exceptions import GeometryError, UnsupportedKindError
from dicube_plugins.simpleitk import DcbsImageFileReader, read_image, write_image

_VECTORS = {
    "uint8": "vector of 8-bit unsigned integer",
    "uint16": "vector of 16-bit unsigned integer",
    "uint32": "vector of 32-bit unsigned integer",
}


@pytest.mark.parametrize("name", COLOURS)
def test_colour_is_a_vector_of_red_green_and_blue(name, tmp_path):
    sort = COLOURS[name]
    path, expected = file_of(sort, tmp_path), rgb_of(sort)
    image = read_image(path)
    assert image.GetPixelIDTypeAsString() == _VECTORS[expected.dtype.name]
    assert image.GetNumberOfComponentsPerPixel() == 3
    np.testing.assert_array_equal(sitk.GetArrayFromImage(image), expected)
    assert image.GetSpacing() == (0.5, 0.75, 2.5)
    part = read_image(path, extract_index=(1, 2, 1), extract_size=(3, 2, 0))
    np.testing.assert_array_equal(sitk.GetArrayFromImage(part), expected[1, 2:4, 1:4])


@pytest.mark.parametrize("name", [name for name in COLOURS if not name.startswith("palette")])
def test_colour_is_what_simpleitk_reads_of_the_slices(name, tmp_path):
    path = file_of(COLOURS[name], tmp_path)
    assert_same(read_image(path), read_folder(tmp_path / "source"))


def test_palettes_of_8_bits_are_what_simpleitk_reads_of_the_slices(tmp_path):
    path = file_of(COLOURS["palette_8"], tmp_path)
    assert_same(read_image(path), read_folder(tmp_path / "source"))


def test_palettes_of_16_bits_keep_them_all(tmp_path):
    # GDCM keeps the upper eight.
    path = file_of(COLOURS["palette"], tmp_path)
    ours = sitk.GetArrayFromImage(read_image(path))
    theirs = sitk.GetArrayFromImage(read_folder(tmp_path / "source"))
    np.testing.assert_array_equal(ours >> 8, theirs)


def test_what_the_getters_say_of_colour(tmp_path):
    reader = DcbsImageFileReader()
    reader.SetFileName(str(file_of(COLOURS["rgb_16"], tmp_path)))
    reader.ReadImageInformation()
    assert reader.GetNumberOfComponents() == 3
    assert reader.GetPixelID() == sitk.sitkVectorUInt16
    assert reader.GetSize() == (8, 6, 3)
    assert reader.GetMetaData("0028|0004").strip() == "RGB"


def test_colour_in_other_types(tmp_path):
    path = file_of(COLOURS["rgb"], tmp_path)
    image = read_image(path, sitk.sitkVectorFloat32)
    np.testing.assert_array_equal(sitk.GetArrayFromImage(image), rgb_of(COLOURS["rgb"]))
    for number in (sitk.sitkUInt8, sitk.sitkFloat64):
        with pytest.raises(UnsupportedKindError, match="colour cannot be read") as caught:
            read_image(path, number)
        assert isinstance(caught.value, RuntimeError)


def test_16_bit_ybr_is_refused_by_name(tmp_path):
    from dataclasses import replace

    path = file_of(replace(COLOURS["ybr"], dtype="uint16"), tmp_path)
    with pytest.raises(UnsupportedKindError, match="YBR_FULL of 16 bits"):
        read_image(path)


@pytest.mark.parametrize("name", REALS)
def test_real_values_are_as_they_are_stored(name, tmp_path):
    sort = REALS[name]
    image = read_image(file_of(sort, tmp_path))
    expected = {"float32": sitk.sitkFloat32, "float64": sitk.sitkFloat64}[name]
    assert image.GetPixelIDValue() == expected
    np.testing.assert_array_equal(bits_of(sitk.GetArrayFromImage(image)), bits_of(frames_of(sort)))
    assert image.GetSpacing() == (0.5, 0.75, 2.5)
    assert image.GetMetaData("0010|0020").strip() == "PAT-0042"


def test_single_bits_are_zeros_and_ones(tmp_path):
    image = read_image(file_of(BITS, tmp_path))
    assert image.GetPixelIDValue() == sitk.sitkUInt8
    np.testing.assert_array_equal(sitk.GetArrayFromImage(image), frames_of(BITS))


@pytest.mark.parametrize("kind", ["int64", "uint64", "float32", "float64"])
def test_wide_values_without_metadata(kind, tmp_path):
    values = (np.arange(120).reshape(4, 5, 6) * (3 if kind[0] == "f" else 1 << 50)).astype(kind)
    image = read_image(image_file(tmp_path / "x.dcbs", values, place()))
    array = sitk.GetArrayFromImage(image)
    assert array.dtype == kind
    np.testing.assert_array_equal(array, values)


@pytest.mark.parametrize("kind", ["uint8", "uint16", "uint32"])
@pytest.mark.parametrize("shape", [(4, 5, 6, 3), (5, 6, 3)], ids=["volume", "plane"])
def test_colour_written_and_read(kind, shape, tmp_path):
    values = np.random.default_rng(5).integers(0, 1 << 8, shape).astype(kind) * 255
    image = sitk.GetImageFromArray(values, isVector=True)
    image.SetSpacing((0.5, 0.75, 2.5)[: image.GetDimension()])
    write_image(image, tmp_path / "x.dcbs")
    assert_same(read_image(tmp_path / "x.dcbs"), image)
    assert dicube_core.verify_file(tmp_path / "x.dcbs").ok


@pytest.mark.parametrize("kind", ["float32", "float64"])
def test_real_values_written_and_read(kind, tmp_path):
    values = np.random.default_rng(5).normal(0, 1e3, (4, 5, 6)).astype(kind)
    values[0, 0, :3] = np.nan, -np.inf, -0.0
    image = sitk.GetImageFromArray(values)
    write_image(image, tmp_path / "x.dcbs", modality="MR")
    again = read_image(tmp_path / "x.dcbs")
    assert_same_grid(again, image)
    np.testing.assert_array_equal(bits_of(sitk.GetArrayFromImage(again)), bits_of(values))


def test_a_tilt_is_refused(tmp_path):
    path, _ = tilted(tmp_path)
    with pytest.raises(GeometryError, match="tilt"):
        read_image(path)
