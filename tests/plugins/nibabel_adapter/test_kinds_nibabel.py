"""Kinds of pixels and series in nibabel: every value, or a refusal that names the kind."""

from __future__ import annotations

import pickle

import nibabel as nib
import numpy as np
import pytest
from kind_files import (
    COLOURS,
    REALS,
    echoes,
    echoes_in_time,
    file_of,
    frames_of,
    image_file,
    place,
    rgb_of,
    tilted,
    time_series,
)
from support.kind_series import bits_of
from support.raw import text

import dicube_core
from dicube_core.exceptions import FrameIndexError, GeometryError, UnsupportedKindError
from dicube_plugins.nibabel import DcbsImage, load, save

RGB = np.dtype([(name, "u1") for name in "RGB"])
EIGHT_BITS = [name for name, sort in COLOURS.items() if rgb_of(sort).dtype == np.uint8]
DEEPER = [name for name in COLOURS if name not in EIGHT_BITS]
AFFINE = np.array([[-2.0, 0, 0, 10], [0, 3, 0, -20], [0, 0, 4, 30], [0, 0, 0, 1]])


def samples(voxels):
    """Return colour with a last axis of three."""
    return np.stack([voxels[name] for name in "RGB"], axis=-1)


# -- colour ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", EIGHT_BITS)
def test_colour_of_8_bits_is_rgb24(name, tmp_path):
    sort = COLOURS[name]
    expected = rgb_of(sort).transpose(2, 1, 0, 3)
    image = load(file_of(sort, tmp_path))
    assert image.shape == expected.shape[:3]
    assert image.dataobj.dtype == image.get_data_dtype() == RGB
    np.testing.assert_array_equal(samples(np.asarray(image.dataobj)), expected)
    np.testing.assert_array_equal(samples(image.dataobj[1:4, ::-1, 2]), expected[1:4, ::-1, 2])
    np.testing.assert_allclose(image.affine[:3, 2], (0, 0, 2.5))
    for number in (np.float64, np.uint8):
        with pytest.raises(UnsupportedKindError, match="colour cannot be given as numbers"):
            np.asarray(image.dataobj, dtype=number)
    with pytest.raises(UnsupportedKindError, match="'R', 'G' and 'B'"):
        image.get_fdata()
    copied = pickle.loads(pickle.dumps(image))
    np.testing.assert_array_equal(copied.dataobj[...], image.dataobj[...])


@pytest.mark.parametrize("name", DEEPER)
def test_deeper_colour_is_refused_by_name(name, tmp_path):
    with pytest.raises(UnsupportedKindError, match=r"colour of uint\d\d.*8 bits only"):
        load(file_of(COLOURS[name], tmp_path))


@pytest.mark.parametrize("name", EIGHT_BITS)
def test_colour_to_nifti_and_back(name, tmp_path):
    image = load(file_of(COLOURS[name], tmp_path))
    save(image, tmp_path / "x.nii.gz")
    nifti = nib.load(tmp_path / "x.nii.gz")
    assert nifti.get_data_dtype() == RGB
    np.testing.assert_array_equal(np.asarray(nifti.dataobj), np.asarray(image.dataobj))
    np.testing.assert_allclose(nifti.affine, image.affine)
    save(nifti, tmp_path / "again.dcbs")
    again = load(tmp_path / "again.dcbs")
    np.testing.assert_array_equal(np.asarray(again.dataobj), np.asarray(image.dataobj))
    save(again, tmp_path / "again.nii.gz")
    assert (tmp_path / "again.nii.gz").read_bytes() == (tmp_path / "x.nii.gz").read_bytes()


def test_colour_that_was_cropped_is_saved_as_rgb(tmp_path):
    image = load(file_of(COLOURS["ybr"], tmp_path))
    save(image.slicer[1:5, 2:], tmp_path / "crop.dcbs")
    with dicube_core.open(tmp_path / "crop.dcbs") as reader:
        expected = rgb_of(COLOURS["ybr"])[:, 2:, 1:5]
        np.testing.assert_array_equal(reader.frames(), expected)
        assert reader.pixel_format.photometric_interpretation == "RGB"


# -- real numbers, 64 bits ------------------------------------------------------------------------


@pytest.mark.parametrize("name", REALS)
def test_real_values_are_as_they_are_stored(name, tmp_path):
    sort = REALS[name]
    image = load(file_of(sort, tmp_path))
    assert image.get_data_dtype() == image.dataobj.dtype == sort.dtype
    np.testing.assert_array_equal(
        bits_of(np.asarray(image.dataobj).T.copy()), bits_of(frames_of(sort))
    )
    save(image, tmp_path / "x.nii")
    nifti = nib.load(tmp_path / "x.nii")
    assert nifti.get_data_dtype() == sort.dtype
    np.testing.assert_array_equal(nifti.get_fdata(), image.get_fdata())


@pytest.mark.parametrize("kind", ["float16", "float32", "float64", ">f4"])
def test_real_images_are_saved_without_a_loss(kind, tmp_path):
    values = np.random.default_rng(1).normal(0, 1e3, (6, 5, 4)).astype(kind)
    values[0, 0, :3] = np.nan, np.inf, -0.0
    save(DcbsImage(values, AFFINE), tmp_path / "x.dcbs")
    again = load(tmp_path / "x.dcbs")
    assert again.dataobj.dtype == ("float64" if kind == "float64" else "float32")
    found = np.asarray(again.dataobj)
    np.testing.assert_array_equal(found, values)
    assert np.signbit(found[0, 0, 2])
    np.testing.assert_allclose(again.affine, AFFINE)


def test_a_real_nifti_file_with_factors_keeps_its_values(tmp_path):
    values = np.random.default_rng(1).normal(0, 1, (6, 5, 4)).astype("float32")
    nifti = nib.Nifti1Image(values, AFFINE)
    nifti.header.set_slope_inter(0.1, 3)
    nib.save(nifti, tmp_path / "x.nii")
    source = nib.load(tmp_path / "x.nii")
    save(source, tmp_path / "x.dcbs")
    np.testing.assert_array_equal(load(tmp_path / "x.dcbs").get_fdata(), source.get_fdata())


@pytest.mark.parametrize("kind", ["int64", "uint64"])
def test_64_bits_where_nothing_narrower_holds_them(kind, tmp_path):
    values = np.arange(120, dtype=kind).reshape(6, 5, 4) << 50
    save(nib.Nifti1Image(values, AFFINE, dtype=kind), tmp_path / "x.dcbs")
    image = load(tmp_path / "x.dcbs")
    assert image.dataobj.dtype == "int64"
    np.testing.assert_array_equal(np.asarray(image.dataobj), values)
    path = image_file(tmp_path / "y.dcbs", np.full((4, 5, 6), np.iinfo(kind).max, kind), place())
    assert load(path).dataobj.dtype == kind
    assert int(load(path).dataobj[0, 0, 0]) == np.iinfo(kind).max


# -- several volumes ------------------------------------------------------------------------------


def test_time_is_the_fourth_axis(tmp_path):
    path, values = time_series(tmp_path)
    image = load(path)
    expected = values.transpose(3, 2, 1, 0)
    assert image.shape == expected.shape
    np.testing.assert_array_equal(image.get_fdata(), expected)
    np.testing.assert_allclose(image.affine[:3, 3], (12.5, -20.25, -30.0))
    np.testing.assert_allclose(image.header.get_zooms(), (0.5, 0.75, 2.5, 2.0))
    assert image.header.get_xyzt_units() == ("mm", "sec")
    for index in (np.s_[..., 1], np.s_[2:, :, 1:3, ::-1], np.s_[0, 1, 2, 2], np.s_[:, None, 3, 0]):
        np.testing.assert_array_equal(image.dataobj[index], expected[index])
    np.testing.assert_array_equal(image.slicer[..., 2].get_fdata(), expected[..., 2])
    with pytest.raises(FrameIndexError, match="axis 3"):
        image.dataobj[..., 3]
    with pytest.raises(FrameIndexError, match="4 axes"):
        image.dataobj[0, 0, 0, 0, 0]


@pytest.mark.parametrize(("resolution", "zoom"), [("1500", 1.5), ("0", 1.0), ("", 1.0)])
def test_time_points_that_are_counted(resolution, zoom, tmp_path):
    path, values = time_series(tmp_path, counted=[text(0x00200110, "DS", resolution)])
    image = load(path)
    np.testing.assert_array_equal(image.get_fdata(), values.transpose(3, 2, 1, 0))
    assert image.header.get_zooms()[3] == zoom
    assert image.header.get_xyzt_units()[1] == ("unknown" if zoom == 1 else "sec")


def test_volumes_that_nothing_tells_apart_are_refused(tmp_path):
    path, _ = time_series(tmp_path, step=0.0, counted=())
    # all at the same time: duplicates, and no dimension
    with pytest.raises(GeometryError):
        load(path)


def test_one_volume_decodes_its_frames_only(tmp_path, monkeypatch):
    path, values = time_series(tmp_path)
    image = load(path)
    reader = image.dataobj.series.reader
    decoded, frame = [], type(reader).frame

    def counted(self, index, *args, **kwargs):
        decoded.append(index)
        return frame(self, index, *args, **kwargs)

    monkeypatch.setattr(type(reader), "frame", counted)
    np.testing.assert_array_equal(image.dataobj[..., 1], values[1].T)
    assert sorted(decoded) == sorted(reader.dimensions.frames_of(time=1))


def test_other_dimensions_have_no_unit(tmp_path):
    path, values = echoes(tmp_path)
    image = load(path)
    np.testing.assert_array_equal(image.get_fdata(), values.transpose(3, 2, 1, 0))
    assert image.header.get_zooms()[3] == 1
    assert image.header.get_xyzt_units() == ("mm", "unknown")


def test_two_dimensions_are_two_axes_time_first(tmp_path):
    path, values = echoes_in_time(tmp_path)
    image = load(path)
    expected = values.transpose(4, 3, 2, 1, 0)
    assert image.shape == expected.shape == (5, 6, 4, 3, 2)
    np.testing.assert_array_equal(image.get_fdata(), expected)
    np.testing.assert_array_equal(image.dataobj[1:, ::2, 3, 1, :], expected[1:, ::2, 3, 1, :])


def test_volumes_as_nifti_and_as_they_are(tmp_path):
    path, values = time_series(tmp_path)
    image = load(path)
    save(image, tmp_path / "x.nii.gz")
    nifti = nib.load(tmp_path / "x.nii.gz")
    np.testing.assert_array_equal(nifti.get_fdata(), values.transpose(3, 2, 1, 0))
    np.testing.assert_allclose(nifti.affine, image.affine)
    np.testing.assert_allclose(nifti.header.get_zooms(), image.header.get_zooms())
    assert nifti.header.get_xyzt_units() == ("mm", "sec")
    save(image, tmp_path / "same.dcbs")
    assert (tmp_path / "same.dcbs").read_bytes() == path.read_bytes()
    save(image.slicer[..., 1], tmp_path / "one.dcbs")
    np.testing.assert_array_equal(load(tmp_path / "one.dcbs").get_fdata(), values[1].T)
    with pytest.raises(UnsupportedKindError, match="four_to_three"):
        save(image.slicer[1:4], tmp_path / "crop.dcbs")


# -- gantry tilt ----------------------------------------------------------------------------------


def test_a_tilt_only_when_asked_for(tmp_path):
    path, step = tilted(tmp_path)
    with pytest.raises(GeometryError, match="tilt"):
        load(path)
    image = load(path, sheared=True)
    expected = np.array([[-0.5, 0, 0, 12.5], [0, -0.75, -step[1], -20.25], [0, 0, step[2], -30]])
    np.testing.assert_allclose(image.affine[:3], expected, atol=1e-9)
    with dicube_core.open(path) as reader:
        np.testing.assert_array_equal(image.get_fdata(), reader.frames().T.astype(float) - 1024)
    save(image, tmp_path / "x.nii")
    nifti = nib.load(tmp_path / "x.nii")
    np.testing.assert_allclose(nifti.affine, image.affine, atol=1e-5)
    assert nifti.header.get_qform(coded=True)[1] == 0
    np.testing.assert_array_equal(nifti.get_fdata(), image.get_fdata())
    save(image, tmp_path / "same.dcbs")
    assert (tmp_path / "same.dcbs").read_bytes() == path.read_bytes()
    with pytest.raises(GeometryError, match="no rectangular grid"):
        save(image.slicer[1:4], tmp_path / "crop.dcbs")


def test_asking_for_a_tilt_that_is_not_there(tmp_path):
    path = image_file(tmp_path / "x.dcbs", np.ones((4, 5, 6), "int16"), place())
    np.testing.assert_array_equal(load(path, sheared=True).affine, load(path).affine)
    path, _ = time_series(tmp_path)
    np.testing.assert_array_equal(load(path, sheared=True).affine, load(path).affine)
    nowhere = image_file(tmp_path / "y.dcbs", np.ones((4, 5, 6), "int16"))
    with pytest.raises(GeometryError, match="sheared evenly"):
        load(nowhere, sheared=True)
