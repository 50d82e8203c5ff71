"""Real-valued, 64-bit and colour NIfTI volumes come back as they were."""

import numpy as np
import pytest
from support.kind_series import PALETTE, Sort, bits_of, sort_series

import dicube_core
from dicube_core.exceptions import UnsupportedKindError

nibabel = pytest.importorskip("nibabel")

AFFINE = np.array([[2.0, 0, 0, 1], [0, 3, 0, 2], [0, 0, 4, 3], [0, 0, 0, 1]])
RGB = np.dtype([(name, "u1") for name in "RGB"])


def volume(kind):
    rng = np.random.default_rng(0)
    if kind == "rgb":
        return rng.integers(0, 256, (5, 6, 7, 3), np.uint8).view(RGB)[..., 0]
    if np.dtype(kind).kind == "f":
        values = rng.normal(size=(5, 6, 7)).astype(kind)
        values.flat[:3] = np.nan, -0.0, np.inf
        return values
    return rng.integers(0, 2**62, (5, 6, 7)).astype(kind)


def written(kind, folder, name="a.nii", slope=None):
    values = volume(kind)
    header = nibabel.Nifti1Header(endianness=">" if kind[0] == ">" else "<")
    header.set_data_dtype(values.dtype)
    image = nibabel.Nifti1Image(values, AFFINE, header)
    if slope:
        image.header.set_slope_inter(slope, 1)
    nibabel.save(image, folder / name)
    return folder / name


def unscaled(path):
    return np.asarray(nibabel.load(path).dataobj.get_unscaled())


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
@pytest.mark.parametrize("kind", ["<f4", "<f8", ">f4", ">f8", "<i8", "<u8", ">i8", "rgb"])
def test_whole(kind, name, tmp_path):
    source = written(kind, tmp_path, name)
    dicube_core.convert(source, tmp_path / "x.dcbs")
    image = dicube_core.load(tmp_path / "x.dcbs")
    expected = volume(kind)
    if kind == "rgb":
        assert image.shape == (7, 6, 5, 3)
        expected = np.stack([expected[c] for c in "RGB"], axis=-1).transpose(2, 1, 0, 3)
        np.testing.assert_array_equal(image.raw_image, expected)
    else:
        expected = expected.astype(kind[1:]).T
        assert image.dtype == expected.dtype
        found = np.ascontiguousarray(image.raw_image)
        np.testing.assert_array_equal(bits_of(found), bits_of(np.ascontiguousarray(expected)))
    assert image.space is not None
    dicube_core.save_to_nifti(image, tmp_path / "b.nii")
    assert unscaled(tmp_path / "b.nii").tobytes() == unscaled(source).tobytes()
    assert (
        nibabel.load(tmp_path / "b.nii").header["datatype"]
        == nibabel.load(source).header["datatype"]
    )


@pytest.mark.parametrize("kind", ["<f4", "<i8", "rgb"])
def test_without_the_source_header(kind, tmp_path):
    source = written(kind, tmp_path)
    image = dicube_core.load_from_nifti(source)
    image.source_header = None
    dicube_core.save_to_nifti(image, tmp_path / "b.nii")
    assert unscaled(tmp_path / "b.nii").tobytes() == unscaled(source).tobytes()
    np.testing.assert_allclose(nibabel.load(tmp_path / "b.nii").affine, AFFINE)


def test_scale_factors_of_real_values_apply(tmp_path):
    path = tmp_path / "a.nii"
    data = bytearray(written("<f4", tmp_path).read_bytes())
    data[112:120] = np.array([2.0, 1.0], "<f4").tobytes()
    path.write_bytes(data)
    expected = volume("<f4").T.astype("f8") * 2 + 1
    image = dicube_core.load_from_nifti(path)
    np.testing.assert_array_equal(image.get_fdata("float64"), expected)
    dicube_core.save(image, tmp_path / "x.dcbs")
    np.testing.assert_array_equal(dicube_core.load(tmp_path / "x.dcbs").raw_image, image.raw_image)


def test_quantised_only_when_asked(tmp_path):
    nibabel.save(nibabel.Nifti1Image(np.ones((3, 4, 5), "f4") * 0.5, AFFINE), tmp_path / "a.nii")
    assert dicube_core.load_from_nifti(tmp_path / "a.nii").dtype == np.float32
    image = dicube_core.load_from_nifti(tmp_path / "a.nii", quantize="uint16")
    assert image.dtype == np.uint16


@pytest.mark.parametrize("dtype", [np.complex64, np.complex128])
def test_other_types_are_refused_by_name(dtype, tmp_path):
    nibabel.save(nibabel.Nifti1Image(np.ones((3, 4, 5), dtype), AFFINE), tmp_path / "a.nii")
    with pytest.raises(UnsupportedKindError, match=np.dtype(dtype).name):
        dicube_core.convert(tmp_path / "a.nii", tmp_path / "x.dcbs")


def test_rgba_is_refused_by_name(tmp_path):
    kind = np.dtype([(name, "u1") for name in "RGBA"])
    values = np.zeros((3, 4, 5, 4), np.uint8).view(kind)[..., 0]
    nibabel.save(nibabel.Nifti1Image(values, AFFINE), tmp_path / "a.nii")
    with pytest.raises(UnsupportedKindError, match="4 samples"):
        dicube_core.convert(tmp_path / "a.nii", tmp_path / "x.dcbs")


@pytest.mark.parametrize(
    "sort",
    [
        Sort("ybr", photometric="YBR_FULL"),
        Sort("subsampled", photometric="YBR_FULL_422"),
        Sort("palette", photometric="PALETTE COLOR", extra=PALETTE),
    ],
    ids=lambda sort: sort.name,
)
def test_colour_that_nifti_would_show_wrongly_is_refused(sort, tmp_path):
    image = dicube_core.load_from_dicom_folder(sort_series(sort).values())
    assert image.space is not None
    with pytest.raises(UnsupportedKindError, match=sort.photometric):
        dicube_core.save_to_nifti(image, tmp_path / "x.nii")
    assert not list(tmp_path.iterdir())
