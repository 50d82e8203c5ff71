"""Into SimpleITK and out again; what others read stays as it was."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from support.series import Kind

import dicube_plugins

sitk = pytest.importorskip("SimpleITK")

from SimpleITK import ImageFileReader, ImageSeriesReader, ReadImage, WriteImage  # noqa: E402
from simpleitk_support import assert_same, read_folder, words  # noqa: E402

from dicube_plugins.simpleitk import DcbsImageFileReader, read_image  # noqa: E402

CLASSES = (sitk.ImageFileReader, sitk.ImageSeriesReader, sitk.ImageReaderBase, sitk.ImageFileWriter)


def everything():
    """Return all that could be patched, as it stands in SimpleITK itself."""
    found = {("sitk", name): value for name, value in vars(sitk).items()}
    found |= {("extra", name): value for name, value in vars(sitk.extra).items()}
    for owner in CLASSES:
        found |= {(owner.__name__, name): value for name, value in vars(owner).items()}
    return found


def test_what_is_changed_is_put_back():
    before = everything()
    (status,) = dicube_plugins.install("SimpleITK")
    assert status.state == "installed"
    during = everything()
    changed = [name for name, value in during.items() if before.get(name) is not value]
    assert len(changed) == len(status.changes) == 21
    assert {owner for owner, _ in changed} == {owner.__name__ for owner in CLASSES}
    dicube_plugins.install("simpleitk")
    assert everything().items() == during.items()
    (status,) = dicube_plugins.uninstall("SimpleITK")
    after = everything()
    assert status.changes == ()
    assert before.keys() == after.keys()
    assert [name for name, value in after.items() if before[name] is not value] == []


def test_names_imported_early_are_served_while_it_is_installed(make_pair, tmp_path):
    folder, path = make_pair()
    with pytest.raises(RuntimeError):
        ReadImage(str(path))
    dicube_plugins.install("SimpleITK")
    try:
        assert_same(ReadImage(str(path)), read_folder(folder))
        assert_same(ReadImage(path), read_folder(folder))
        assert_same(ReadImage(path, sitk.sitkFloat32, ""), read_folder(folder, sitk.sitkFloat32))
        reader = ImageFileReader()
        reader.SetFileName(str(path))
        reader.ReadImageInformation()
        assert reader.GetSize() == (7, 9, 5)
        WriteImage(reader.Execute(), str(tmp_path / "y.dcbs"))
        assert len(ImageSeriesReader.GetGDCMSeriesIDs(str(path))) == 1
    finally:
        dicube_plugins.uninstall("SimpleITK")
    for call in (reader.Execute, lambda: WriteImage(read_image(path), str(tmp_path / "z.dcbs"))):
        with pytest.raises(RuntimeError, match="Unable to determine ImageIO"):
            call()
    assert reader.GetSize() == sitk.ImageFileReader().GetSize()


def test_without_installing_our_own_names_work(make_pair):
    folder, path = make_pair()
    assert_same(read_image(path), read_folder(folder))
    reader = DcbsImageFileReader()
    reader.SetFileName(str(path))
    assert_same(reader.Execute(), read_folder(folder))
    names = ImageSeriesReader.GetGDCMSeriesFileNames(str(folder))
    theirs = ImageFileReader()
    for one in (reader, theirs):
        one.SetFileName(names[0])
        one.ReadImageInformation()
    assert words(reader) == words(theirs)
    assert reader.GetSize() == theirs.GetSize() == (7, 9, 1)
    assert_same(reader.Execute(), theirs.Execute())


FORMATS = {
    "nii": sitk.sitkInt16,
    "nii.gz": sitk.sitkFloat32,
    "mha": sitk.sitkInt16,
    "nrrd": sitk.sitkVectorUInt8,
    "png": sitk.sitkUInt8,
    "dcm": sitk.sitkInt16,
}


@pytest.mark.parametrize("ending", FORMATS)
def test_other_formats_are_as_before(tmp_path, ending):
    path, size = str(tmp_path / f"x.{ending}"), (6, 5) if ending == "png" else (6, 5, 1)
    image = sitk.GaussianSource(sitk.sitkFloat32, size, sigma=(3,) * len(size), scale=200)
    sitk.WriteImage(sitk.Cast(image, FORMATS[ending]), path)
    before = sitk.ReadImage(path)
    dicube_plugins.install("SimpleITK")
    try:
        assert_same(sitk.ReadImage(path), before)
        sitk.WriteImage(before, str(tmp_path / f"y.{ending}"))
        assert_same(sitk.ReadImage(str(tmp_path / f"y.{ending}")), before)
        reader = sitk.ImageFileReader()
        reader.SetFileName(path)
        reader.ReadImageInformation()
        assert reader.GetSize() == before.GetSize()
        assert reader.GetImageIOFromFileName(path) != ""
        assert "GDCMImageIO" in reader.GetRegisteredImageIOs()
        with pytest.raises(RuntimeError, match="absent"):
            sitk.ReadImage(str(tmp_path / "absent.mha"))
    finally:
        dicube_plugins.uninstall("SimpleITK")


@pytest.mark.usefixtures("adapter")
def test_several_threads_with_readers_of_their_own(make_pair):
    folder, path = make_pair(Kind("ct", rows=40, columns=30), n_slices=12)
    expected = sitk.GetArrayFromImage(read_folder(folder))

    def region(number):
        z = number % 10
        reader = sitk.ImageFileReader()
        reader.SetFileName(str(path))
        reader.ReadImageInformation()
        reader.SetExtractIndex((3, 4, z))
        reader.SetExtractSize((20, 30, 3))
        part = sitk.GetArrayFromImage(reader.Execute())
        return reader.GetMetaData("0020|0013") == "1 " and np.array_equal(
            part, expected[z : z + 3, 4:34, 3:23]
        )

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(region, range(80)))


def test_images_own_their_memory(make_pair):
    """Nothing of ours, and no reader, is needed to keep an image's voxels."""
    folder, path = make_pair(Kind("ct", rows=64, columns=64), n_slices=8)
    expected = sitk.GetArrayFromImage(read_folder(folder))
    reader = DcbsImageFileReader()
    reader.SetFileName(str(path))
    image = reader.Execute()
    other = sitk.Image(image)
    other[0, 0, 0] = 7  # copied when written to, as with every image
    del reader
    path.unlink()
    for _ in range(20):
        sitk.Image((64, 64, 8), sitk.sitkUInt16)
    np.testing.assert_array_equal(sitk.GetArrayFromImage(image), expected)


def test_in_a_new_process_a_script_that_knows_nothing(make_pair):
    _, path = make_pair()
    script = (
        "import sys, dicube_plugins.auto, SimpleITK as sitk\n"
        "assert 'pydicom' not in sys.modules and 'itk' not in sys.modules\n"
        f"image = sitk.ReadImage({str(path)!r})\n"
        "print(image.GetSize())"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.stdout.strip() == "(7, 9, 5)", done.stderr
