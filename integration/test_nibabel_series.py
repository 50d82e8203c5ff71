"""Real series through nibabel: as ITK has them, as dicube 0.3.0 has them, and resampled."""

import numpy as np
import pytest
from bridge_peers import LEGACY, given_file

import dicube_core
import dicube_plugins

nib = pytest.importorskip("nibabel.loadsave")
import nibabel  # noqa: E402

from dicube_plugins.nibabel import load, save  # noqa: E402

SERIES = ("phantom", "ct_heart_10", "ct_body_60")


@pytest.fixture(autouse=True)
def adapter():
    dicube_plugins.install("nibabel")
    yield
    dicube_plugins.uninstall("nibabel")


@pytest.mark.parametrize("name", SERIES)
def test_the_nifti_file_that_itk_writes(name, tmp_path):
    """Slices may be sorted the other way, so both are compared in canonical orientation."""
    sitk = pytest.importorskip("SimpleITK")
    given = given_file(name, tmp_path)
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(given.source)))
    sitk.WriteImage(reader.Execute(), str(tmp_path / "itk.nii"))
    ours = nibabel.as_closest_canonical(nib.load(given.file))
    theirs = nibabel.as_closest_canonical(nib.load(tmp_path / "itk.nii"))
    assert np.array_equal(np.asarray(ours.dataobj), np.asarray(theirs.dataobj))
    np.testing.assert_allclose(ours.affine, theirs.affine, rtol=0, atol=2e-4)


@pytest.mark.parametrize("name", [*SERIES, LEGACY])
def test_the_nifti_file_of_the_same_values(name, tmp_path):
    given = given_file(name, tmp_path)
    dicube_core.save_to_nifti(dicube_core.load(given.file), tmp_path / "twin.nii.gz")
    ours, twin = nib.load(given.file), nib.load(tmp_path / "twin.nii.gz")
    middle = ours.shape[2] // 2
    assert np.array_equal(ours.dataobj[..., middle], twin.dataobj[..., middle])
    assert np.array_equal(ours.dataobj[100:20:-3, 5], twin.dataobj[100:20:-3, 5])
    for dtype in (np.float32, np.float64):
        assert np.array_equal(ours.get_fdata(dtype=dtype), twin.get_fdata(dtype=dtype))
    np.testing.assert_allclose(ours.affine, twin.affine, rtol=0, atol=1e-4)
    nib.save(ours, tmp_path / "again.nii.gz")
    assert (tmp_path / "again.nii.gz").read_bytes() == (tmp_path / "twin.nii.gz").read_bytes()
    nib.save(ours, tmp_path / "again.dcbs")
    assert (tmp_path / "again.dcbs").read_bytes() == given.file.read_bytes()


@pytest.mark.parametrize("name", ["ct_heart_10", LEGACY])
def test_a_crop_of_real_slices_is_kept(name, tmp_path):
    image = nib.load(given_file(name, tmp_path).file)
    crop = image.slicer[40:200, 30:-30:2, 2:7]
    for target in ("crop.dcbs", "crop.nii.gz"):
        nib.save(crop, tmp_path / target)
        again = nib.load(tmp_path / target)
        assert np.array_equal(again.get_fdata(), crop.get_fdata())
        np.testing.assert_allclose(again.affine, crop.affine, rtol=0, atol=1e-4)


@pytest.mark.parametrize("name", ["phantom", "ct_heart_10"])
def test_resampling_gives_what_it_gives_for_nifti(name, tmp_path):
    pytest.importorskip("scipy")
    from nibabel import processing

    given = given_file(name, tmp_path)
    dicube_core.save_to_nifti(dicube_core.load(given.file), tmp_path / "twin.nii")
    ours = nib.load(given.file).slicer[100:124, 90:110, :3]
    values = nib.load(tmp_path / "twin.nii").dataobj[100:124, 90:110, :3]
    # With the same affine to the last bit: it decides which points lie outside.
    twin = nibabel.Nifti1Image(values, ours.affine)
    for work in (
        lambda image: processing.resample_to_output(image, (3, 3, 3)),
        lambda image: processing.conform(image, (12, 12, 12), (2, 2, 2)),
        lambda image: processing.smooth_image(image, 4),
        lambda image: processing.resample_from_to(image, ((9, 9, 9), ours.affine)),
    ):
        one, other = work(ours), work(twin)
        assert np.array_equal(one.affine, other.affine)
        assert np.array_equal(one.get_fdata(), other.get_fdata())
    smooth = processing.smooth_image(ours, 4, out_class=None)
    assert isinstance(smooth, type(ours))
    nib.save(smooth, tmp_path / "smooth.dcbs")
    assert np.array_equal(nib.load(tmp_path / "smooth.dcbs").get_fdata(), smooth.get_fdata())
    nib.save(smooth, tmp_path / "smooth.dcbs", quantize="uint16")


AFFINE = np.array([[0, 0, 3.0, 1], [-0.6, 0.8, 0, 2], [0.8, 0.6, 0, 3], [0, 0, 0, 1]])


@pytest.mark.parametrize("kind", ["int16", "uint16", "int32", "uint8"])
def test_dicube_0_3_0_reads_what_is_saved(kind, tmp_path):
    dicube = pytest.importorskip("dicube")
    values = np.random.default_rng(5).integers(0, 200, (40, 30, 5)).astype(kind)
    if kind.startswith("int"):
        values -= 90
    save(nibabel.Nifti1Image(values, AFFINE), tmp_path / "x.dcbs")
    theirs = dicube.load(str(tmp_path / "x.dcbs"))
    assert np.array_equal(theirs.get_fdata(dtype="float64"), values.T)
    assert np.array_equal(theirs.raw_image, values.T)
    np.testing.assert_allclose(theirs.space.spacing, (3, 1, 1), rtol=1e-9)
    origin = AFFINE[:3, 3] * (-1, -1, 1)
    np.testing.assert_allclose(theirs.space.origin, origin, rtol=1e-9)


def test_dicube_0_3_0_reads_scale_factors_and_copies(tmp_path):
    dicube = pytest.importorskip("dicube")
    given = given_file("phantom", tmp_path)
    image = nib.load(given.file)
    nib.save(image, tmp_path / "copy.dcbs")
    moved = type(image)(image.dataobj, AFFINE, image.header)
    nib.save(moved, tmp_path / "moved.dcbs")
    nib.save(image.slicer[10:90, 20:100], tmp_path / "crop.dcbs")
    expected = image.get_fdata().T
    for name, values in (
        ("copy", expected),
        ("moved", expected),
        ("crop", expected[:, 20:100, 10:90]),
    ):
        theirs = dicube.load(str(tmp_path / f"{name}.dcbs"))
        assert np.array_equal(theirs.get_fdata(dtype="float64"), values), name


def test_a_file_that_dicube_0_3_0_wrote_from_nifti(tmp_path):
    dicube = pytest.importorskip("dicube")
    values = np.arange(7 * 8 * 5, dtype=np.int16).reshape(7, 8, 5)
    affine = np.diag([-2.0, -3, 4, 1])
    nib.save(nibabel.Nifti1Image(values, affine), tmp_path / "x.nii")
    dicube.save(dicube.load_from_nifti(str(tmp_path / "x.nii")), str(tmp_path / "x.dcbs"))
    image = load(tmp_path / "x.dcbs")
    assert np.array_equal(image.get_fdata(), values)
    np.testing.assert_allclose(image.affine, affine, rtol=1e-6)
