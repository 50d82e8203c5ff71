"""SimpleITK reads our HTJ2K slices as the series that they are."""

import numpy as np
import pytest
from peers import KINDS, streamed
from support.raw import text

import dicube_core

sitk = pytest.importorskip("SimpleITK")


def oblique(index, nodes):
    row, column = np.array([0.8, 0.6, 0.0]), np.array([-0.36, 0.48, 0.8])
    place = np.array([-50.0, 20.0, 7.0]) + 2.5 * index * np.cross(row, column)
    nodes[0x00200037] = text(0x00200037, "DS", "\\".join(map(str, (*row, *column))))
    nodes[0x00200032] = text(0x00200032, "DS", "\\".join(f"{value:.6f}" for value in place))


def read_series(folder):
    reader = sitk.ImageSeriesReader()
    names = reader.GetGDCMSeriesFileNames(str(folder))
    reader.SetFileNames(names)
    return reader.Execute()


@pytest.mark.parametrize("plain", [False, True])
@pytest.mark.parametrize("name", KINDS)
def test_values_and_geometry(name, plain, tmp_path):
    kind = KINDS[name]
    path, paths = streamed(tmp_path, kind, plain=plain)
    image = read_series(paths[0].parent)
    ours = dicube_core.load(path)
    found = sitk.GetArrayFromImage(image)
    source = read_series(tmp_path / "source")
    np.testing.assert_array_equal(found, sitk.GetArrayFromImage(source))
    if kind.photometric != "MONOCHROME1":  # which it inverts, in every transfer syntax
        np.testing.assert_array_equal(found, ours.get_fdata("float64"))
    space = ours.space.reverse_axis_order()
    assert image.GetSize() == tuple(space.shape)
    np.testing.assert_allclose(image.GetOrigin(), space.origin)
    np.testing.assert_allclose(image.GetSpacing(), space.spacing)
    assert image.GetDirection() == source.GetDirection()


@pytest.mark.parametrize("plain", [False, True])
def test_an_oblique_series(plain, tmp_path):
    path, paths = streamed(tmp_path, KINDS["u16_stored_12"], plain=plain, edit=oblique)
    image = read_series(paths[0].parent)
    ours = dicube_core.load(path)
    np.testing.assert_array_equal(sitk.GetArrayFromImage(image), ours.get_fdata("float64"))
    for index in ((0, 0, 0), (4, 3, 2), (64, 69, 4)):
        np.testing.assert_allclose(
            image.TransformIndexToPhysicalPoint(index),
            (ours.space.affine @ (*index[::-1], 1))[:3],
            atol=1e-4,
        )


def test_tags(tmp_path):
    _, paths = streamed(tmp_path, KINDS["u16_stored_12"])
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(paths[1]))
    reader.ReadImageInformation()
    assert reader.GetMetaData("0010|0020").strip() == "PAT-0042"
    assert reader.GetMetaData("0018|0050").strip() == "2.50000"
