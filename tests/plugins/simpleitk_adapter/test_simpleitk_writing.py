"""Images to .dcbs files: exactly, or not at all."""

from __future__ import annotations

import numpy as np
import pytest

import dicube_core
from dicube_core.exceptions import GeometryError, MetaDataError, UnsupportedKindError

sitk = pytest.importorskip("SimpleITK")

from simpleitk_support import assert_same  # noqa: E402

from dicube_plugins.simpleitk import read_image, write_image  # noqa: E402

DIRECTIONS = {
    "axial": (1, 0, 0, 0, 1, 0, 0, 0, 1),
    "oblique": (0.8, -0.36, 0.48, 0.6, 0.48, -0.64, 0, 0.8, 0.6),
    "left_handed": (1, 0, 0, 0, -1, 0, 0, 0, 1),
    "permuted": (0, 0, 1, 1, 0, 0, 0, 1, 0),
}


def image_of(dtype="int16", shape=(3, 4, 5), direction=DIRECTIONS["oblique"]):
    rng = np.random.default_rng(7)
    if np.dtype(dtype).kind in "iu":
        limits = np.iinfo(dtype)
        values = rng.integers(limits.min, limits.max, shape, dtype=dtype, endpoint=True)
        values.flat[:2] = limits.min, limits.max
    else:
        values = rng.normal(size=shape).astype(dtype)
    image = sitk.GetImageFromArray(values)
    if len(shape) == 3:
        image.SetSpacing((0.3, 1 / 3, 2.5))
        image.SetOrigin((-10.125, 20.1, 1e-3))
        image.SetDirection(direction)
    return image


@pytest.mark.parametrize("direction", DIRECTIONS.values(), ids=DIRECTIONS)
@pytest.mark.parametrize("dtype", ["uint8", "int8", "uint16", "int16", "uint32", "int32"])
def test_an_image_comes_back_as_it_was(tmp_path, dtype, direction):
    image = image_of(dtype, direction=direction)
    write_image(image, tmp_path / "x.dcbs")
    again = read_image(tmp_path / "x.dcbs")
    assert_same(again, image)
    np.testing.assert_allclose(again.GetSpacing(), image.GetSpacing(), rtol=1e-15)
    np.testing.assert_allclose(again.GetOrigin(), image.GetOrigin(), rtol=1e-15)
    np.testing.assert_allclose(again.GetDirection(), image.GetDirection(), rtol=1e-15)
    assert dicube_core.verify_file(tmp_path / "x.dcbs").ok


def test_64_bits_if_32_hold_them(tmp_path):
    image = sitk.Cast(image_of("uint32"), sitk.sitkInt64)
    write_image(image, tmp_path / "x.dcbs")
    assert_same(sitk.Cast(read_image(tmp_path / "x.dcbs"), sitk.sitkInt64), image)
    with pytest.raises(UnsupportedKindError, match="do not fit 32 bits"):
        write_image(image_of("int64"), tmp_path / "y.dcbs")
    assert not (tmp_path / "y.dcbs").exists()


def test_real_values_in_steps_only_when_asked_for(tmp_path):
    image = image_of("float32")
    write_image(image, tmp_path / "x.dcbs")
    assert_same(read_image(tmp_path / "x.dcbs"), image)
    write_image(image, tmp_path / "x.dcbs", quantize="uint16")
    values, again = map(sitk.GetArrayFromImage, (image, read_image(tmp_path / "x.dcbs")))
    np.testing.assert_allclose(again, values, atol=float(np.ptp(values)) / 65535)
    image[0, 0, 0] = float("nan")
    with pytest.raises(UnsupportedKindError, match="NaN"):
        write_image(image, tmp_path / "x.dcbs", quantize="uint16")


@pytest.mark.parametrize(
    ("image", "what"),
    [
        (sitk.Image((4, 4, 4), sitk.sitkVectorUInt8, 2), "vector of 8-bit"),
        (sitk.Image((4, 4, 4), sitk.sitkVectorFloat32, 3), "float32 are no colour"),
        (sitk.Image((4, 4, 4), sitk.sitkComplexFloat32), "complex of 32-bit"),
        (sitk.Image((4, 4, 4), sitk.sitkLabelUInt8), "label of 8-bit"),
        (sitk.Image((4, 4, 4, 4), sitk.sitkUInt8), "4 dimensions"),
        (sitk.Image((4, 0, 4), sitk.sitkUInt8), "size"),
    ],
)
def test_other_kinds_are_refused_by_name(tmp_path, image, what):
    with pytest.raises(UnsupportedKindError, match=what):
        write_image(image, tmp_path / "x.dcbs")
    assert list(tmp_path.iterdir()) == []


def test_axes_that_are_not_perpendicular(tmp_path):
    image = image_of()
    image.SetDirection((1, 0.5, 0, 0, np.sqrt(0.75), 0, 0, 0, 1))
    with pytest.raises(GeometryError, match="perpendicular") as caught:
        write_image(image, tmp_path / "x.dcbs")
    assert isinstance(caught.value, RuntimeError)


@pytest.mark.parametrize("place", [False, True])
def test_two_dimensions(tmp_path, place):
    image = image_of("uint16", (4, 5))
    if place:
        image.SetSpacing((0.3, 1 / 3))
        image.SetOrigin((3.25, -1))
        image.SetDirection((0, 1, -1, 0))
    write_image(image, tmp_path / "x.dcbs")
    assert_same(read_image(tmp_path / "x.dcbs"), image)
    with dicube_core.open(tmp_path / "x.dcbs") as reader:
        spacing = reader.dicom_meta.get_shared_value("PixelSpacing")
        assert spacing == pytest.approx(image.GetSpacing()[::-1])


def test_an_image_whose_memory_is_shared(tmp_path):
    image = image_of()
    copy = sitk.Image(image)
    copy[0, 0, 0] = 5
    write_image(copy, tmp_path / "x.dcbs")
    write_image(image, tmp_path / "y.dcbs")
    assert_same(read_image(tmp_path / "x.dcbs"), copy)
    assert_same(read_image(tmp_path / "y.dcbs"), image)


def test_metadata_of_patient_study_and_series_is_kept(make_pair, tmp_path):
    _, path = make_pair()
    image = read_image(path) * 2
    for key, text in (("0008|103E", "twice"), ("0018|0050", "99"), ("0010|0040", "")):
        image.SetMetaData(key, text)
    source = read_image(path)
    for key in source.GetMetaDataKeys():
        if not image.HasMetaDataKey(key):
            image.SetMetaData(key, source.GetMetaData(key))
    image.SetMetaData("a note", "of somebody")
    write_image(image, tmp_path / "x.dcbs")
    again = read_image(tmp_path / "x.dcbs")
    assert_same(again, image)
    for key in ("0010|0010", "0010|0020", "0020|000d", "0008|0060", "0008|0070", "0008|0020"):
        assert again.GetMetaData(key).strip() == source.GetMetaData(key).strip(), key
    assert again.GetMetaData("0008|103e").strip() == "twice"
    # A new series: what identified the old one, and what was said of its pixels, is not taken.
    for key in ("0020|000e", "0008|0018", "0020|0052"):
        assert again.GetMetaData(key) != source.GetMetaData(key), key
    assert not again.HasMetaDataKey("0018|0050")
    write_image(image, tmp_path / "y.dcbs", keep_uids=True, modality="MR")
    again = read_image(tmp_path / "y.dcbs")
    for key in ("0020|000e", "0020|0052"):
        assert again.GetMetaData(key) == source.GetMetaData(key), key
    assert again.GetMetaData("0008|0060") == "MR"
    assert again.GetMetaData("0008|0018") != source.GetMetaData("0008|0018")


@pytest.mark.parametrize(
    ("charset", "name"),
    [("ISO_IR 100", "M\u00fcller^J\u00f6rg"), ("ISO_IR 192", "Yamada^Tarou=\u5c71\u7530^\u592a")],
)
def test_names_in_other_alphabets(make_pair, tmp_path, charset, name):
    from support.raw import text

    encoding = {"ISO_IR 100": "latin-1", "ISO_IR 192": "utf-8"}[charset]
    nodes = [text(0x00080005, "CS", charset), text(0x00100010, "PN", name, encoding)]
    _, path = make_pair(edit=lambda _, target: target.update({n.tag: n for n in nodes}))
    write_image(read_image(path), tmp_path / "x.dcbs")
    with dicube_core.open(tmp_path / "x.dcbs") as reader:
        found = reader.dicom_meta.get_shared_value("PatientName")
    assert "=".join(found.values()) == name


def test_texts_set_by_a_program(tmp_path):
    image = image_of()
    image.SetMetaData("0010|0010", "M\u00fcller^J\u00f6rg")
    image.SetMetaData("0008|0060", "CT")
    write_image(image, tmp_path / "x.dcbs")
    with dicube_core.open(tmp_path / "x.dcbs") as reader:
        meta = reader.dicom_meta
        assert meta.get_shared_value("PatientName")["Alphabetic"] == "M\u00fcller^J\u00f6rg"
        assert meta.get_shared_value("Modality") == "CT"
    image.SetMetaData("0010|0030", "last spring")
    with pytest.raises(MetaDataError, match=r"'0010\|0030'.*VR DA") as caught:
        write_image(image, tmp_path / "x.dcbs")
    assert isinstance(caught.value, RuntimeError)


def test_what_was_written_is_dicom(tmp_path):
    """The slices of the file are read by SimpleITK as the image."""
    image = image_of()
    write_image(image, tmp_path / "x.dcbs")
    dicube_core.save_to_dicom_folder(dicube_core.load(tmp_path / "x.dcbs"), tmp_path / "slices")
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(tmp_path / "slices")))
    assert_same(reader.Execute(), image)


@pytest.mark.usefixtures("adapter")
def test_the_writers_of_simpleitk(tmp_path):
    image = image_of()
    for name in ("a.dcbs", "b.DCBS"):
        sitk.WriteImage(image, str(tmp_path / name), useCompression=True)
        assert_same(sitk.ReadImage(str(tmp_path / name)), image)
    writer = sitk.ImageFileWriter()
    writer.SetFileName(str(tmp_path / "c.dcbs"))
    writer.Execute(image)
    writer.Execute(image, str(tmp_path / "d.dcbs"), True, 5)
    assert writer.GetFileName() == str(tmp_path / "d.dcbs")
    writer.Execute(image, str(tmp_path / "e.mha"), False, -1)
    for name in ("c.dcbs", "d.dcbs", "e.mha"):
        assert_same(sitk.ReadImage(str(tmp_path / name)), image)
    image.SetMetaData("0020|000e", "1.2.3")
    writer.KeepOriginalImageUIDOn()
    writer.Execute(image, str(tmp_path / "f.dcbs"), False, -1)
    assert sitk.ReadImage(str(tmp_path / "f.dcbs")).GetMetaData("0020|000e") == "1.2.3"
    with pytest.raises(FileNotFoundError, match="absent"):
        sitk.WriteImage(image, str(tmp_path / "absent" / "x.dcbs"))
    with pytest.raises(RuntimeError):
        sitk.WriteImage(image, str(tmp_path / "x.dcbs"), imageIO="PNGImageIO")
