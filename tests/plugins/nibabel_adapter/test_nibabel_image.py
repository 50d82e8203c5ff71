"""The image: geometry, header, caching, nibabel's interface; metadata only where it is true."""

from __future__ import annotations

import copy
import io
import pickle

import numpy as np
import pytest
from support.raw import text
from support.series import Kind

import dicube_core
from dicube_core.exceptions import GeometryError, InvalidCubeFileError, UnsupportedKindError

nib = pytest.importorskip("nibabel.loadsave")
import nibabel  # noqa: E402
from nibabel.filebasedimages import ImageFileError  # noqa: E402

from dicube_plugins.nibabel import DcbsHeader, DcbsImage, load  # noqa: E402

OBLIQUE = "0.8\\0.6\\0\\0\\0\\-1"


def oblique(index, nodes):
    """Slices one after the other along (-0.6, 0.8, 0), which is right-handed."""
    nodes[0x00200037] = text(0x00200037, "DS", OBLIQUE)
    position = f"{10 - 0.6 * 3 * index:.6f}\\{20 + 0.8 * 3 * index:.6f}\\-5"
    nodes[0x00200032] = text(0x00200032, "DS", position)


def left_handed(index, nodes):
    nodes[0x00200032] = text(0x00200032, "DS", f"1\\2\\{-2.5 * index}")


EDITS = {"axial": None, "oblique": oblique, "left_handed": left_handed}


@pytest.fixture
def image(make_file):
    return load(make_file())


@pytest.mark.parametrize("edit", EDITS)
def test_geometry_is_that_of_the_nifti_file(make_pair, edit):
    path, nifti = make_pair(edit=EDITS[edit])
    ours, twin = load(path), nib.load(nifti)
    with dicube_core.open(path) as reader:
        assert np.array_equal(ours.affine, reader.geometry.affine_xyz_ras)
        spacing = reader.geometry.spacing[::-1]
    assert ours.affine.dtype == np.float64
    np.testing.assert_allclose(ours.affine, twin.affine, atol=1e-5)
    assert ours.header.get_zooms() == spacing
    np.testing.assert_allclose(ours.header.get_zooms(), twin.header.get_zooms(), rtol=1e-6)
    assert ours.shape == twin.shape == (7, 9, 5)
    assert nibabel.aff2axcodes(ours.affine) == nibabel.aff2axcodes(twin.affine)
    one, other = nibabel.as_closest_canonical(ours), nibabel.as_closest_canonical(twin)
    assert np.array_equal(one.get_fdata(), other.get_fdata())
    np.testing.assert_allclose(one.affine, other.affine, atol=1e-5)
    for name in ("dim", "pixdim"):
        np.testing.assert_allclose(ours.header[name], twin.header[name], rtol=1e-6)
        assert ours.header[name].dtype == twin.header[name].dtype


def test_position_of_a_voxel_is_that_of_dicom(make_file):
    path = make_file(edit=oblique)
    image = load(path)
    meta = image.dicom_meta
    position = np.array(meta.get_values("ImagePositionPatient")[3], float)
    x, y = np.array([0.8, 0.6, 0]), np.array([0, 0, -1.0])
    expected = position + 2 * 0.5 * x + 4 * 0.75 * y  # PixelSpacing is 0.75 between rows, 0.5
    found = image.affine @ (2, 4, 3, 1)
    np.testing.assert_allclose(found[:3] * (-1, -1, 1), expected, atol=1e-4)


def test_without_a_grid_the_error_says_how_to_go_on(make_file, adapter):
    def gap(index, nodes):
        nodes[0x00200032] = text(0x00200032, "DS", f"0\\0\\{(0, 1, 2, 7, 8)[index]}")

    path = make_file(edit=gap)
    with pytest.raises(GeometryError, match="no true affine") as failure:
        nib.load(path)
    assert "series.dcbs" in str(failure.value)
    assert "frames()" in failure.value.suggestion


def test_what_is_no_file_of_ours_is_said_so(tmp_path, adapter):
    (tmp_path / "x.dcbs").write_bytes(b"nonsense" * 100)
    with pytest.raises(InvalidCubeFileError, match=r"x\.dcbs"):
        nib.load(tmp_path / "x.dcbs")
    (tmp_path / "empty.dcbs").touch()
    with pytest.raises(ImageFileError, match="Empty"):
        nib.load(tmp_path / "empty.dcbs")
    with pytest.raises(FileNotFoundError):
        nib.load(tmp_path / "none.dcbs")
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "none.dcbs")


# -- header ---------------------------------------------------------------------------------------


def test_the_header_is_a_mapping_of_facts(image):
    header = image.header
    assert isinstance(header, DcbsHeader)
    assert header["Modality"] == "CT"
    assert header["shape"] == (7, 9, 5)
    assert header["zooms"] == (0.5, 0.75, 2.5)
    assert header["units"] == "mm"
    assert header["stored_dtype"] == np.uint16
    assert (header["RescaleSlope"], header["RescaleIntercept"]) == (1.0, -1024.0)
    assert header["BitsStored"] == 12
    assert header.get("nonsense") is None
    assert header.get("nonsense", 3) == 3
    assert "Modality" in header
    assert "nonsense" not in header
    with pytest.raises(KeyError):
        header["nonsense"]
    assert len(header) == len(list(header)) == len(header.keys()) == len(list(header.items()))
    assert dict(header)["Modality"] == "CT"
    assert next(iter(header.values())) == (7, 9, 5)
    assert header.dicom_meta.get_shared_value("PatientID") == "PAT-0042"
    assert "PAT-0042" not in str(image)
    assert "Modality" in str(image)


def test_the_header_answers_like_that_of_a_nifti_file(make_pair):
    path, nifti = make_pair()
    ours, twin = load(path).header, nib.load(nifti).header
    assert ours.get_xyzt_units() == twin.get_xyzt_units()
    assert ours.get_slope_inter() == twin.get_slope_inter()  # the data is scaled already
    assert ours.get_data_shape() == twin.get_data_shape()
    np.testing.assert_allclose(ours.get_sform(), twin.get_sform(), atol=1e-5)
    np.testing.assert_allclose(ours.get_qform(), twin.get_qform(), atol=1e-5)
    np.testing.assert_allclose(ours.get_best_affine(), twin.get_best_affine(), atol=1e-5)
    assert ours.get_sform(coded=True)[1] == int(twin["sform_code"])
    image = load(path)
    assert np.array_equal(image.get_sform(), image.affine)
    assert image.get_qform(coded=True)[1] == 1


def test_the_type_is_that_of_the_voxels(make_file, factors):
    scaled = load(make_file())
    assert scaled.get_data_dtype() == np.asarray(scaled.dataobj).dtype == np.float64
    plain = load(make_file(edit=factors(1, 0)))
    assert plain.get_data_dtype() == np.asarray(plain.dataobj).dtype == np.uint16


def test_headers_compare_and_copy(make_file):
    one, other = load(make_file()).header, load(make_file(n_slices=4)).header
    duplicate = one.copy()
    assert duplicate == one
    assert copy.deepcopy(one) == one
    assert pickle.loads(pickle.dumps(one)) == one
    assert one != other
    assert one != nibabel.Nifti1Header()
    duplicate.set_data_dtype(np.int16)
    duplicate.set_data_shape((7, 9, 6))
    duplicate.set_zooms((1, 2, 3))
    assert duplicate != one
    assert (one.get_data_dtype(), one.get_data_shape()) == (np.float64, (7, 9, 5))
    plain = DcbsHeader(np.int16, (2, 3, 4), (1, 2, 3))
    assert plain == DcbsHeader(np.int16, (2, 3, 4), (1, 2, 3))
    assert plain == nibabel.spatialimages.SpatialHeader(np.int16, (2, 3, 4), (1, 2, 3))
    with pytest.raises(TypeError):
        hash(plain)


def test_opening_parses_no_metadata(make_file, monkeypatch):
    import dicube_core.container.reader as module

    def refuse(data, what, **options):
        assert "dicom_meta" not in what
        return parse_json(data, what, **options)

    path = make_file()
    parse_json = module.parse_json
    monkeypatch.setattr(module, "parse_json", refuse)
    image = load(path)
    image.dataobj[..., 1]
    assert image.header.get_zooms() == (0.5, 0.75, 2.5)
    with pytest.raises(AssertionError):
        dict(image.header)


# -- what belongs to the file, and what no longer does --------------------------------------------


def derived(image):
    """Images made of one, none of which is the series of the file."""
    data = np.asarray(image.dataobj)
    moved = image.affine.copy()
    moved[0, 3] += 1
    tilted = load(image.get_filename())
    tilted.affine[0, 3] += 1
    return {
        "cropped": image.slicer[1:5, :, 2:4],
        "all of it": image.slicer[:, :, :],
        "reoriented": nibabel.as_closest_canonical(image),
        "computed": DcbsImage(data * 2, image.affine, image.header),
        "moved": DcbsImage(image.dataobj, moved, image.header),
        "moved in place": tilted,
        "reshaped": DcbsImage(image.dataobj.reshape((9, 7, 5)), image.affine, image.header),
        "concatenated": nibabel.concat_images([image, image], axis=2),
    }


def test_metadata_goes_with_the_voxels_of_the_file_only(image):
    assert image.dicom_meta is not None
    assert image.whole_series is not None
    same = DcbsImage.from_image(image)
    assert same.dicom_meta is image.dicom_meta
    for name, other in derived(image).items():
        assert other.dicom_meta is None, name
        assert other.whole_series is None, name
        if name != "moved in place":
            assert other.header.dicom_meta is None, name
            assert "Modality" not in other.header, name
    assert image.header["Modality"] == "CT"


def test_a_header_of_another_file_is_not_believed(make_file):
    one, other = load(make_file()), load(make_file(Kind("ct", rows=9, columns=7, fill="zero")))
    mixed = DcbsImage(one.dataobj, one.affine, other.header)
    assert mixed.dicom_meta is None


# -- nibabel's interface --------------------------------------------------------------------------


def test_fdata_is_cached_and_forgotten_as_nibabel_does_it(image):
    assert not image.in_memory
    data = image.get_fdata()
    assert image.in_memory
    assert image.get_fdata() is data
    data[:] = 42
    assert image.get_fdata()[0, 0, 0] == 42
    image.uncache()
    assert not image.in_memory
    assert image.get_fdata()[0, 0, 0] != 42
    image.uncache()
    image.get_fdata(caching="unchanged", dtype=np.float32)
    assert not image.in_memory
    with pytest.raises(ValueError, match="floating"):
        image.get_fdata(dtype=np.int16)


def test_slicer_equals_that_of_the_nifti_file(make_pair):
    path, nifti = make_pair(edit=oblique)
    ours, twin = load(path), nib.load(nifti)
    for index in (np.s_[1:5], np.s_[..., 2:4], np.s_[::-1, ::2, 1:], np.s_[2:3, 4:9:3, ::-2]):
        one, other = ours.slicer[index], twin.slicer[index]
        assert isinstance(one, DcbsImage)
        assert np.array_equal(one.get_fdata(), other.get_fdata())
        np.testing.assert_allclose(one.affine, other.affine, atol=1e-5)
        np.testing.assert_allclose(one.header.get_zooms(), other.header.get_zooms(), rtol=1e-6)
    for index in (np.s_[1], np.s_[None], np.s_[:0]):
        with pytest.raises(IndexError):
            ours.slicer[index]
    with pytest.raises(TypeError, match="slice"):
        ours[1:3]


def test_conversion_to_other_classes_loses_nothing(make_file, factors, tmp_path):
    for number, edit in enumerate((None, factors(1, 0), factors(0.1, 0.7), factors(-3, 7))):
        image = load(make_file(edit=edit))
        expected = image.get_fdata()
        for kind in (nibabel.Nifti1Image, nibabel.Nifti2Image):
            converted = kind.from_image(image)
            assert np.array_equal(converted.affine, image.affine)
            assert converted.header.get_xyzt_units()[0] == "mm"
            path = tmp_path / f"{kind.__name__}{number}.nii"
            converted.to_filename(path)
            assert np.array_equal(nib.load(path).get_fdata(), expected)


def test_images_are_concatenated_and_split(image):
    joined = nibabel.concat_images([image, image])
    assert joined.shape == (7, 9, 5, 2)
    one, other = nibabel.four_to_three(joined)
    assert np.array_equal(one.get_fdata(), image.get_fdata())
    assert np.array_equal(other.get_fdata(), image.get_fdata())


def test_nibabels_parameters_of_reading(make_file):
    path = make_file()
    expected = load(path).get_fdata()
    for options in (
        {"mmap": False},
        {"mmap": "r"},
        {"mmap": "c"},
        {"keep_file_open": True},
        {"keep_file_open": False},
    ):
        assert np.array_equal(DcbsImage.from_filename(path, **options).get_fdata(), expected)
    for options in ({"mmap": "r+"}, {"keep_file_open": "no"}):
        with pytest.raises(ValueError, match="should be one of"):
            DcbsImage.from_filename(path, **options)


def test_file_objects_streams_and_bytes(make_file):
    path = make_file()
    image = load(path)
    data = path.read_bytes()
    assert image.to_bytes() == data
    for other in (DcbsImage.from_bytes(data), DcbsImage.from_stream(io.BytesIO(data))):
        assert other.header == image.header
        assert np.array_equal(other.get_fdata(), image.get_fdata())
        again = pickle.loads(pickle.dumps(other))
        assert np.array_equal(again.get_fdata(), image.get_fdata())
    with path.open("rb") as file:
        opened = DcbsImage.from_stream(file)
        file.seek(5)
        assert np.array_equal(opened.get_fdata(), image.get_fdata())
    stream = io.BytesIO()
    image.to_stream(stream)
    assert stream.getvalue() == data
    within = io.BytesIO(b"before" + data)
    file_map = DcbsImage.make_file_map({"image": within})
    file_map["image"].pos = 6
    assert np.array_equal(DcbsImage.from_file_map(file_map).get_fdata(), image.get_fdata())


def test_an_image_pickles(image):
    image.get_fdata()
    again = pickle.loads(pickle.dumps(image))
    assert np.array_equal(again.get_fdata(), image.get_fdata())
    assert again.dicom_meta.get_shared_value("PatientID") == "PAT-0042"
    assert again.whole_series is not None


def test_an_image_without_affine_or_of_an_array(tmp_path):
    data = np.arange(24, dtype=np.int16).reshape(2, 3, 4)
    image = DcbsImage(data, np.diag([1, 2, 3, 1]))
    assert image.header.get_zooms() == (1, 2, 3)
    assert image.get_data_dtype() == np.int16
    bare = DcbsImage(data, None)
    assert bare.affine is None
    with pytest.raises(GeometryError, match="no affine"):
        bare.to_filename(tmp_path / "x.dcbs")
    with pytest.raises(UnsupportedKindError, match="no volume"):
        DcbsImage.from_image(nibabel.GiftiImage())


def test_a_file_is_opened_under_any_name(make_file, tmp_path):
    path = make_file()
    renamed = path.rename(tmp_path / "volume")
    assert load(renamed).shape == (7, 9, 5)
    assert load(str(renamed)).get_filename() == str(renamed)
