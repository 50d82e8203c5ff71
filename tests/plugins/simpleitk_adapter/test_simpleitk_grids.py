"""Place and order of the slices, regions of them, and series without a grid."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from support.raw import text
from support.series import Kind

import dicube_core
from dicube_core.spatial.order import SortMethod

sitk = pytest.importorskip("SimpleITK")

from simpleitk_support import POSITION, assert_same, placed, read_folder  # noqa: E402

from dicube_core.exceptions import DataConsistencyError, GeometryError  # noqa: E402
from dicube_plugins.simpleitk import DcbsImageFileReader, read_image, write_image  # noqa: E402

ORIENTATIONS = {
    "axial": ((1, 0, 0), (0, 1, 0)),
    "sagittal": ((0, 1, 0), (0, 0, -1)),
    "coronal": ((1, 0, 0), (0, 0, -1)),
    "oblique": ((0.8, 0.6, 0.0), (-0.36, 0.48, 0.8)),
}
LEFT_HANDED = SortMethod.POSITION_LEFT_HAND


@pytest.mark.parametrize("method", [None, LEFT_HANDED])
@pytest.mark.parametrize("directions", ORIENTATIONS.values(), ids=ORIENTATIONS)
def test_orientations_and_orders(make_pair, directions, method):
    folder, path = make_pair(edit=placed(*directions), sort_method=method)
    with dicube_core.open(path) as reader:
        assert reader.geometry.is_right_handed == (method is None)
    assert_same(read_image(path), read_folder(folder))


REGIONS = [
    ((7, 9, 2), (0, 0, 1)),
    ((7, 9, 1), (0, 0, 4)),
    ((3, 4, 2), (2, 5, 3)),
    ((3, 4, 0), (2, 5, 3)),
    ((0, 4, 2), (2, 5, 3)),
    ((3, 0, 5), (2, 8, 0)),
    ((3, 4, 2), (2, 5)),
    ((3, 4, 2), ()),
    ((3, 4, 2, 0), (1, 1, 1, 0)),
    ((), (2, 5, 3)),
]


@pytest.mark.parametrize("method", [None, LEFT_HANDED])
@pytest.mark.parametrize(("size", "index"), REGIONS, ids=str)
def test_regions_are_those_of_simpleitk(make_pair, tmp_path, size, index, method):
    folder, path = make_pair(sort_method=method)
    twin = tmp_path / "twin.mha"
    sitk.WriteImage(read_folder(folder), str(twin))
    reader, theirs = DcbsImageFileReader(), sitk.ImageFileReader()
    for one, name in ((reader, path), (theirs, twin)):
        one.SetFileName(str(name))
        one.SetExtractSize(size)
        one.SetExtractIndex(index)
    assert_same(reader.Execute(), theirs.Execute())
    assert reader.GetSize() == theirs.GetSize() == (7, 9, 5)
    np.testing.assert_allclose(reader.GetOrigin(), theirs.GetOrigin())


def test_a_size_without_z_takes_the_slice_at_the_index(make_pair):
    """SimpleITK takes the first one then, whatever the index."""
    _, path = make_pair()
    image = read_image(path, extract_size=(7, 9), extract_index=(0, 0, 3))
    assert_same(image, sitk.Extract(read_image(path), (7, 9, 0), (0, 0, 3)))


@pytest.mark.parametrize(
    ("size", "index", "problem"),
    [
        ((8, 9, 5), (0, 0, 0), "not within"),
        ((7, 9, 2), (0, 0, 4), "not within"),
        ((7, 9, 2), (-1, 0, 0), "not within"),
        ((7, 9, 0), (0, 0, 5), "not within"),
        ((7, 0, 0), (0, 0, 0), "fewer than two"),
        ((7, 9, 5, 1), (0, 0, 0), "more dimensions"),
    ],
)
def test_regions_that_are_not_there(make_pair, size, index, problem):
    _, path = make_pair()
    with pytest.raises(DataConsistencyError, match=problem) as caught:
        read_image(path, extract_size=size, extract_index=index)
    assert isinstance(caught.value, RuntimeError)
    assert str(path) in str(caught.value)


def test_a_plane_that_an_image_cannot_place_is_refused_as_by_simpleitk(make_pair, tmp_path):
    folder, path = make_pair(edit=placed(*ORIENTATIONS["sagittal"]))
    theirs = sitk.ImageFileReader()
    theirs.SetFileName(str(tmp_path / "twin.mha"))
    sitk.WriteImage(read_folder(folder), theirs.GetFileName())
    theirs.SetExtractSize((7, 9, 0))
    with pytest.raises(RuntimeError, match="collapsed direction"):
        theirs.Execute()
    with pytest.raises(GeometryError, match="size of 1 instead of 0"):
        read_image(path, extract_size=(7, 9, 0))
    assert read_image(path, extract_size=(7, 9, 1)).GetSize() == (7, 9, 1)


def test_only_the_frames_of_a_region_are_decoded(make_pair, monkeypatch):
    _, path = make_pair(sort_method=LEFT_HANDED)
    decoded = []
    original = dicube_core.reader.Reader.frame

    def frame(self, index, *args, **kwargs):
        decoded.append(index)
        return original(self, index, *args, **kwargs)

    monkeypatch.setattr(dicube_core.reader.Reader, "frame", frame)
    reader = DcbsImageFileReader()
    reader.SetFileName(str(path))
    reader.ReadImageInformation()
    assert reader.GetMetaData("0020|0013")
    assert decoded == []
    reader.SetExtractSize((3, 4, 2))
    reader.SetExtractIndex((0, 0, 1))
    reader.Execute()
    assert sorted(decoded) == [2, 3]  # z = 1 and 2 of 5, counted from the other end


def gap(index, nodes):
    z = 2.5 * index + 10 * (index > 2)
    nodes[POSITION] = text(POSITION, "DS", f"-12.5\\20.25\\{z}")


@pytest.mark.parametrize("size", [(), (7, 9, 1)])
def test_without_a_true_affine_the_error_says_why_and_what_to_do(make_pair, size):
    _, path = make_pair(edit=gap)
    with pytest.raises(GeometryError, match="no true affine") as caught:
        read_image(path, extract_size=size)
    error = caught.value
    assert isinstance(error, RuntimeError)
    assert error.details["findings"]
    assert error.details["findings"][0] in str(error)
    assert "dicube_core.open(path).frames()" in str(error)
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again)) == (type(error), str(error))


def test_one_slice_has_no_spacing_unless_it_says_so(make_pair):
    folder, path = make_pair(n_slices=1)
    with pytest.raises(GeometryError):
        read_image(path)
    spacing = text(0x00180088, "DS", "3.5")
    folder, path = make_pair(n_slices=1, edit=lambda _, nodes: nodes.update({0x00180088: spacing}))
    assert_same(read_image(path), read_folder(folder))


def test_a_frame_in_no_patient_is_a_plane(make_pair):
    def edit(_, nodes):
        for tag in (POSITION, 0x00200037, 0x00200052, 0x00201041):
            del nodes[tag]

    folder, path = make_pair(n_slices=1, edit=edit)
    image, theirs = read_image(path), read_folder(folder)
    assert (image.GetDimension(), image.GetSize()) == (2, (7, 9))
    assert image.GetSpacing() == (0.5, 0.75) == theirs.GetSpacing()[:2]
    np.testing.assert_array_equal(sitk.GetArrayFromImage(image), sitk.GetArrayFromImage(theirs)[0])
    part = read_image(path, extract_size=(3, 4), extract_index=(2, 1))
    assert_same(part, sitk.RegionOfInterest(image, (3, 4), (2, 1)))


def test_a_file_without_dicom_metadata_keeps_its_order(tmp_path):
    """As SimpleITK reads the NIfTI file that it was made from."""
    nib = pytest.importorskip("nibabel")
    values = np.arange(7 * 9 * 5, dtype=np.int16).reshape(7, 9, 5)
    affine = np.array([[-2.0, 0, 0, 5], [0, -3, 0, 6], [0, 0, -4, 7], [0, 0, 0, 1]])
    nib.save(nib.Nifti1Image(values, affine), tmp_path / "x.nii.gz")
    dicube_core.convert(tmp_path / "x.nii.gz", tmp_path / "x.dcbs")
    image, theirs = read_image(tmp_path / "x.dcbs"), sitk.ReadImage(str(tmp_path / "x.nii.gz"))
    assert np.linalg.det(np.reshape(image.GetDirection(), (3, 3))) < 0
    assert_same(image, theirs)
    assert image.GetMetaDataKeys() == ()


def test_an_image_that_was_written_left_handed_comes_back_so(tmp_path):
    image = sitk.GetImageFromArray(np.arange(60, dtype=np.int16).reshape(3, 4, 5))
    image.SetDirection((1, 0, 0, 0, 1, 0, 0, 0, -1))
    write_image(image, tmp_path / "x.dcbs")
    assert_same(read_image(tmp_path / "x.dcbs"), image)


def test_large_frames_of_one_row(make_pair):
    """SimpleITK makes one plane of slices that are one row high; these stay slices."""
    _, path = make_pair(Kind("row", rows=1, columns=7), n_slices=3)
    assert read_image(path).GetSize() == (7, 1, 3)
