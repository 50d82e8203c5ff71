"""Saving: the same series, or exactly the values and no claim about them; else an error."""

from __future__ import annotations

import io

import numpy as np
import pytest
from support.metadata_cases import CASES
from support.series import Kind
from support.whole import read_files

import dicube_core
from dicube_core.exceptions import (
    ChecksumError,
    DataConsistencyError,
    GeometryError,
    InvalidCubeFileError,
    UnsupportedKindError,
)

nib = pytest.importorskip("nibabel.loadsave")
import nibabel  # noqa: E402
from nibabel.filebasedimages import ImageFileError  # noqa: E402
from nibabel.spatialimages import SpatialImage  # noqa: E402

from dicube_plugins.nibabel import DcbsImage, load, save  # noqa: E402

AFFINE = np.array([[-0.5, 0, 0, 3], [0, 0, 2.0, 4], [0, 0.75, 0, -5], [0, 0, 0, 1]])
SHAPE = (4, 3, 2)
VALUES = np.arange(24).reshape(SHAPE)


def nifti(values, affine=AFFINE):
    return nibabel.Nifti1Image(values, affine, dtype=values.dtype)


def saved(image, tmp_path, **options):
    """Save an image and return it as it was loaded, once its file was found whole."""
    path = tmp_path / "saved.dcbs"
    save(image, path, **options)
    assert dicube_core.verify_file(path).ok
    return load(path)


# -- the series of a file -------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["nib.save", "to_filename", "save", "from_image", "to_bytes"])
def test_the_series_of_a_file_is_saved_as_it_is(make_file, adapter, tmp_path, how):
    path = make_file()
    image, target = nib.load(path), tmp_path / "copy.dcbs"
    image.get_fdata()
    if how == "nib.save":
        nib.save(image, target)
    elif how == "to_filename":
        image.to_filename(target)
        assert image.get_filename() == str(target)
    elif how == "save":
        save(image, target)
    elif how == "from_image":
        DcbsImage.from_image(image).to_filename(str(target))
    else:
        target.write_bytes(image.to_bytes())
    assert target.read_bytes() == path.read_bytes()


def test_a_file_is_saved_over_itself(make_file):
    path = make_file()
    before = path.read_bytes()
    image = load(path)
    image.to_filename(path)
    assert path.read_bytes() == before
    assert np.array_equal(image.get_fdata(), load(path).get_fdata())
    image.slicer[..., 1:3].to_filename(path)
    assert load(path).shape == (7, 9, 2)


def test_damage_is_not_copied(make_file, tmp_path):
    path = make_file()
    with dicube_core.open(path) as reader:
        offset = reader.container.index.offsets[3] + 20
    data = bytearray(path.read_bytes())
    data[offset] ^= 1
    path.write_bytes(data)
    image = load(path)
    target = tmp_path / "copy.dcbs"
    target.write_bytes(b"older")
    with pytest.raises(ChecksumError, match="frame 3"):
        image.to_filename(target)
    assert target.read_bytes() == b"older"
    assert image.get_filename() == str(path)


def test_no_byte_that_is_damaged_is_copied(make_file, tmp_path):
    path = make_file(n_slices=3)
    whole = path.read_bytes()
    for place in [*range(0, 1500, 11), *range(1500, len(whole), 97)]:
        data = bytearray(whole)
        data[place] ^= 4
        path.write_bytes(data)
        with pytest.raises(InvalidCubeFileError):
            load(path).to_filename(tmp_path / "copy.dcbs")
    assert not (tmp_path / "copy.dcbs").exists()


def test_edits_of_the_metadata_reach_the_headers(make_file, tmp_path):
    path = make_file()
    image = load(path)
    image.dicom_meta.set_shared_item("SeriesDescription", "edited")
    again = saved(image, tmp_path)
    assert again.header["SeriesDescription"] == "edited"
    assert np.array_equal(again.get_fdata(), image.get_fdata())
    dicube_core.save_to_dicom_folder(dicube_core.load(tmp_path / "saved.dcbs"), tmp_path / "out")
    assert all(b"edited" in data for data in read_files(tmp_path / "out").values())
    image.dicom_meta.sort_files(dicube_core.SortMethod.INSTANCE_NUMBER_DESC)
    with pytest.raises(DataConsistencyError, match="sorted"):
        image.to_filename(tmp_path / "x.dcbs")


def test_what_is_no_longer_the_series_has_no_metadata(make_file, tmp_path):
    image = load(make_file())
    moved = load(image.get_filename())
    moved.affine[0, 3] += 1
    typed = load(image.get_filename())
    typed.set_data_dtype(np.int32)
    others = {
        "cropped": image.slicer[1:5, :, 2:4],
        "reoriented": nibabel.as_closest_canonical(image),
        "moved": moved,
        "typed": typed,
    }
    for name, other in others.items():
        again = saved(other, tmp_path)
        assert np.array_equal(again.get_fdata(), other.get_fdata()), name
        np.testing.assert_allclose(again.affine, other.affine, atol=1e-12)
        with dicube_core.open(tmp_path / "saved.dcbs") as reader:
            assert reader.dicom_meta is None, name
            assert reader.headers is None, name
            assert b"PAT-0042" not in (tmp_path / "saved.dcbs").read_bytes()
    assert saved(typed, tmp_path).dataobj.dtype == np.int32
    assert saved(moved, tmp_path).dataobj.slope == 1
    assert saved(moved, tmp_path).dataobj.dtype == np.uint16


@pytest.mark.parametrize(
    ("slope", "intercept"),
    [(0.1, 0.7), (0.5, -1024), (-3, 7), ([1.5, 0.25, 3.1, 1, 0.7], [0, 0, -4, 0, 2.5])],
    ids=str,
)
def test_factors_stay_with_moved_and_cropped_voxels(make_file, factors, tmp_path, slope, intercept):
    image = load(make_file(edit=factors(slope, intercept)))
    expected = image.get_fdata()
    moved = DcbsImage(image.dataobj, np.diag([1, 2, 3, 1]), image.header)
    again = saved(moved, tmp_path)
    assert np.array_equal(again.get_fdata(), expected)
    assert again.dataobj.dtype == np.uint16
    crop = saved(image.slicer[2:6], tmp_path)
    assert np.array_equal(crop.get_fdata(), expected[2:6])
    assert (crop.dataobj.dtype == np.float64) == isinstance(slope, list)


def test_a_modality_lut_is_worked_out(make_file, tmp_path):
    edit = CASES["modality_lut_per_slice"]
    image = load(make_file(Kind("lut", 8, 4, rows=4, columns=4), edit, 4))
    moved = DcbsImage(image.dataobj, AFFINE, image.header)
    assert np.array_equal(saved(moved, tmp_path).get_fdata(), image.get_fdata())


# -- images of other formats ----------------------------------------------------------------------


@pytest.mark.parametrize("name", ["u1", "i1", "u2", "i2", "u4", "i4", ">i2", ">u4"])
def test_integers_are_kept_with_their_type(adapter, tmp_path, name):
    kind = np.dtype(name)
    limits = np.iinfo(kind)
    values = VALUES.astype(kind)
    values[0, 0] = limits.min, limits.max
    image = nifti(values)
    nib.save(image, tmp_path / "x.dcbs")
    again = nib.load(tmp_path / "x.dcbs")
    assert again.dataobj.dtype == kind.newbyteorder("=")
    assert np.array_equal(np.asarray(again.dataobj), values)
    np.testing.assert_allclose(again.affine, image.affine, rtol=1e-15)
    with dicube_core.open(tmp_path / "x.dcbs") as reader:
        assert np.array_equal(reader.frames(), values.T)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (VALUES.astype(np.int64), "uint8"),
        (VALUES.astype(np.int64) - 200, "int16"),
        (VALUES.astype(np.uint64) + 60000, "uint16"),
        (VALUES.astype(np.int64) - 70000, "int32"),
        (VALUES > 5, "uint8"),
        (VALUES.astype(np.float32) - 1024, "int16"),
        (VALUES.astype(np.float64) * 1e8, "uint32"),
    ],
)
def test_whole_numbers_of_other_types_take_the_smallest_that_holds_them(values, expected, tmp_path):
    again = saved(DcbsImage(values, AFFINE), tmp_path)
    assert again.dataobj.dtype == expected
    assert np.array_equal(again.get_fdata(), values.astype(np.float64))


def test_scale_factors_of_a_nifti_file_are_kept(make_pair, tmp_path, adapter):
    _, path = make_pair()
    image = nib.load(path)
    nib.save(image, tmp_path / "x.dcbs")
    again = nib.load(tmp_path / "x.dcbs")
    assert (again.dataobj.slope, again.dataobj.inter) == (1, -1024)
    assert again.dataobj.dtype == np.uint16
    assert np.array_equal(again.get_fdata(), image.get_fdata())


def test_a_nifti_header_comes_back(tmp_path, adapter):
    image = nifti(VALUES.astype(np.int16))
    image.header["descrip"] = b"made by hand"
    image.header.set_slope_inter(0.25, -3)
    image.header.set_sform(AFFINE, code="mni")
    image.header.set_qform(AFFINE, code="aligned")
    nib.save(image, tmp_path / "one.nii")
    one = nib.load(tmp_path / "one.nii")
    nib.save(one, tmp_path / "x.dcbs")
    nib.save(nib.load(tmp_path / "x.dcbs"), tmp_path / "two.nii")
    assert (tmp_path / "two.nii").read_bytes() == (tmp_path / "one.nii").read_bytes()
    moved = nib.load(tmp_path / "x.dcbs")
    moved.affine[0, 3] += 1
    nib.save(moved, tmp_path / "y.dcbs")
    nib.save(nib.load(tmp_path / "y.dcbs"), tmp_path / "three.nii")
    three = nib.load(tmp_path / "three.nii")
    assert np.array_equal(three.affine, moved.affine)
    assert three.header["descrip"].item() == b""


def test_a_file_made_from_nifti_has_its_affine(tmp_path, adapter):
    image = nifti(VALUES.astype(np.int16))
    nib.save(image, tmp_path / "x.nii.gz")
    dicube_core.save(dicube_core.load_from_nifti(tmp_path / "x.nii.gz"), tmp_path / "x.dcbs")
    again = nib.load(tmp_path / "x.dcbs")
    np.testing.assert_allclose(again.affine, AFFINE, rtol=1e-15)
    assert np.array_equal(np.asarray(again.dataobj), VALUES)
    assert again.dicom_meta is None
    assert "Modality" not in again.header


# -- what is refused ------------------------------------------------------------------------------

SHEARED = np.diag([1.0, 1, 1, 1])
SHEARED[0, 1] = 0.3
RGBA = np.dtype([("R", "u1"), ("G", "u1"), ("B", "u1"), ("A", "u1")])


@pytest.mark.parametrize(
    ("values", "affine", "error", "words"),
    [
        (VALUES.astype(np.longdouble), AFFINE, UnsupportedKindError, "more than 64 bits"),
        (VALUES.astype(complex), AFFINE, UnsupportedKindError, "complex"),
        (np.zeros(SHAPE, RGBA), AFFINE, UnsupportedKindError, "no RGB"),
        (np.zeros((2, 3, 4, 5), "i2"), AFFINE, UnsupportedKindError, "four_to_three"),
        (np.zeros((2, 3, 4, 1), "i2"), AFFINE, UnsupportedKindError, "squeeze_image"),
        (np.zeros((2, 3, 0), "i2"), AFFINE, UnsupportedKindError, "volume"),
        (VALUES.astype("i2"), SHEARED, GeometryError, "no rectangular grid"),
        (VALUES.astype("i2"), np.diag([1, 1, 0, 1]), GeometryError, "no rectangular grid"),
        (VALUES.astype("i2"), np.diag([1, np.nan, 2, 1]), GeometryError, "no rectangular grid"),
        (VALUES.astype("i2"), np.diag([1, 1, 1, 2]), GeometryError, "no rectangular grid"),
    ],
)
def test_what_cannot_be_kept_is_refused_by_name(values, affine, error, words, adapter, tmp_path):
    target = tmp_path / "x.dcbs"
    target.write_bytes(b"older")
    for kind in (DcbsImage, SpatialImage):
        image = kind(values, affine)
        with pytest.raises(error, match=words) as failure:
            nib.save(image, target)
        assert "x.dcbs" in str(failure.value)
    assert target.read_bytes() == b"older"
    assert [path.name for path in tmp_path.iterdir()] == ["x.dcbs"]


@pytest.mark.parametrize("way", ["nib.save", "save"])
def test_real_values_are_quantised_when_asked_for(tmp_path, adapter, way):
    values = np.random.default_rng(3).normal(0, 100, SHAPE).astype(np.float32)
    image = nifti(values)
    if way == "save":
        save(image, tmp_path / "x.dcbs", quantize="uint16")
    else:
        nib.save(image, tmp_path / "x.dcbs", quantize="uint16")
    again = load(tmp_path / "x.dcbs")
    step = (float(values.max()) - float(values.min())) / 65535
    assert again.dataobj.dtype == np.uint16
    assert np.abs(again.get_fdata() - values).max() <= step / 2 * 1.0001
    with pytest.raises(ValueError, match="quantize"):
        save(image, tmp_path / "x.dcbs", quantize="uint8")
    values[0, 0, 0] = np.inf
    with pytest.raises(UnsupportedKindError, match="NaN or infinite"):
        save(nifti(values), tmp_path / "x.dcbs", quantize="uint16")


def test_quantising_leaves_exact_values_alone(tmp_path):
    again = saved(DcbsImage(VALUES.astype(np.float64), AFFINE), tmp_path, quantize="uint16")
    assert again.dataobj.slope == 1
    assert np.array_equal(again.get_fdata(), VALUES)


def test_the_type_that_is_asked_for_is_used_or_refused(tmp_path):
    image = DcbsImage(VALUES, AFFINE)
    assert saved(image, tmp_path, dtype="int32").dataobj.dtype == np.int32
    image.set_data_dtype(np.int16)
    assert saved(image, tmp_path).dataobj.dtype == np.int16
    with pytest.raises(DataConsistencyError, match="do not fit uint8"):
        save(DcbsImage(VALUES * 100, AFFINE), tmp_path / "x.dcbs", dtype="uint8")
    with pytest.raises(UnsupportedKindError, match="complex64 cannot be stored"):
        save(image, tmp_path / "x.dcbs", dtype="complex64")
    tenths = DcbsImage(VALUES / 10, AFFINE)
    with pytest.raises(DataConsistencyError, match="float32 does not hold"):
        save(tenths, tmp_path / "x.dcbs", dtype="float32")
    assert not (tmp_path / "x.dcbs").exists()


def test_the_type_that_is_stored_may_be_asked_for(make_file, tmp_path):
    path = make_file()
    image = load(path)
    image.set_data_dtype(np.uint16)
    save(image, tmp_path / "x.dcbs")
    assert (tmp_path / "x.dcbs").read_bytes() == path.read_bytes()


def test_options_that_mean_nothing_are_refused(tmp_path):
    with pytest.raises(TypeError, match="compression"):
        DcbsImage(VALUES, AFFINE).to_filename(tmp_path / "x.dcbs", compression=3)


# -- other formats --------------------------------------------------------------------------------


def test_nifti_is_written_without_a_loss(make_pair, tmp_path, adapter):
    path, twin = make_pair()
    image = nib.load(path)
    for name in ("one.nii.gz", "two.nii", "three.NII.GZ"):
        nib.save(image, tmp_path / name)
    assert (tmp_path / "one.nii.gz").read_bytes() == twin.read_bytes()
    image.to_filename(tmp_path / "four.nii.gz")
    assert (tmp_path / "four.nii.gz").read_bytes() == twin.read_bytes()
    crop = image.slicer[1:6, ::2]
    nib.save(crop, tmp_path / "crop.nii.gz")
    written = nib.load(tmp_path / "crop.nii.gz")
    assert written.get_data_dtype() == np.int16
    assert np.array_equal(written.get_fdata(), crop.get_fdata())
    np.testing.assert_allclose(written.affine, crop.affine, atol=1e-5)
    assert int(written.header["sform_code"]) == 1
    nib.save(image, tmp_path / "typed.nii", dtype=np.int16)
    typed = nib.load(tmp_path / "typed.nii")
    assert typed.get_data_dtype() == np.int16
    assert np.array_equal(typed.get_fdata(), image.get_fdata())


def test_real_and_four_dimensional_images_go_to_nifti(tmp_path, make_file, adapter):
    image = nib.load(make_file())
    real = DcbsImage(image.get_fdata() / 3, image.affine, image.header)
    nib.save(real, tmp_path / "real.nii")
    assert np.array_equal(nib.load(tmp_path / "real.nii").get_fdata(), real.get_fdata())
    joined = nibabel.concat_images([image, image])
    nib.save(joined, tmp_path / "four.nii.gz")
    assert np.array_equal(nib.load(tmp_path / "four.nii.gz").get_fdata(), joined.get_fdata())


def test_a_series_with_factors_of_its_slices_goes_to_nifti(tmp_path, make_file, factors):
    image = load(make_file(edit=factors([1.5, 0.25, 3.1, 1, 0.7], 0)))
    image.to_filename(tmp_path / "x.nii")
    assert np.array_equal(nib.load(tmp_path / "x.nii").get_fdata(), image.get_fdata())


def test_a_failure_leaves_a_nifti_file_as_it_was(tmp_path):
    target = tmp_path / "x.nii"
    target.write_bytes(b"older")
    image = DcbsImage(np.zeros(SHAPE, complex), AFFINE)
    image.to_filename(target)  # NIfTI has complex numbers
    assert np.iscomplexobj(np.asarray(nib.load(target).dataobj))
    target.write_bytes(b"older")
    with pytest.raises(nibabel.spatialimages.HeaderDataError):
        DcbsImage(np.zeros((1,) * 8), AFFINE).to_filename(target)
    assert target.read_bytes() == b"older"


def test_formats_of_pairs_and_other_endings(make_file, tmp_path, adapter):
    image = nib.load(make_file())
    nib.save(image, tmp_path / "pair.img")
    assert np.array_equal(nib.load(tmp_path / "pair.img").get_fdata(), image.get_fdata())
    with pytest.raises(ImageFileError):
        image.to_filename(tmp_path / "x.xyz")
    with pytest.raises(ImageFileError):
        nib.save(image, tmp_path / "x.xyz")
    image.to_filename(tmp_path / "no_ending")
    assert (tmp_path / "no_ending.dcbs").exists()


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError):
        DcbsImage(VALUES, AFFINE).to_filename(tmp_path / "none" / "x.dcbs")


def test_to_a_stream_at_a_position():
    stream = io.BytesIO(b"before")
    file_map = DcbsImage.make_file_map({"image": stream})
    file_map["image"].pos = 6
    image = DcbsImage(VALUES.astype(np.int16), AFFINE)
    image.to_file_map(file_map)
    assert stream.getvalue().startswith(b"beforeDCMCUBES")
    assert np.array_equal(np.asarray(DcbsImage.from_file_map(file_map).dataobj), VALUES)
