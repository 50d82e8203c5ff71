"""Installing the adapter, and taking it out: what changes in nibabel, and what does not."""

from __future__ import annotations

import numpy as np
import pytest

import dicube_plugins

nib = pytest.importorskip("nibabel.loadsave")
import nibabel  # noqa: E402
from nibabel.filebasedimages import ImageFileError  # noqa: E402
from nibabel.imageclasses import KNOWN_SPATIAL_FIRST, all_image_classes  # noqa: E402
from nibabel.loadsave import load as early_load  # noqa: E402

from dicube_plugins.nibabel import DcbsImage, load, save  # noqa: E402

#: A script as it was written for NIfTI files.
SCRIPT = """
import nibabel as nib
import numpy as np

image = nib.load(source)
data = image.get_fdata()
spacing = image.header.get_zooms()
volume = float(np.prod(image.header["pixdim"][1:4])) * np.count_nonzero(data > 0)
statistics = (data.shape, data.dtype, data.min(), data.max(), data.mean(), data.std())
codes = nib.aff2axcodes(image.affine)
middle = image.shape[2] // 2
axial = image.dataobj[..., middle]
inside = np.argwhere(np.asarray(image.dataobj) > -500)
low, high = inside.min(axis=0), inside.max(axis=0) + 1
crop = image.slicer[low[0]:high[0], low[1]:high[1], low[2]:high[2]]
nib.save(crop, "crop.nii.gz")
coarse = nib.as_closest_canonical(image).slicer[::2, ::2, ::2]
nib.save(nib.Nifti1Image(coarse.get_fdata(dtype=np.float32), coarse.affine), "coarse.nii.gz")
mask = nib.Nifti1Image((data > 0).astype(np.uint8), image.affine)
nib.save(mask, "mask.nii.gz")
nib.save(image, "whole.nii.gz")
"""
NUMBERS = ("statistics", "codes", "axial", "low", "high")


def classes():
    return list(all_image_classes)


def test_one_entry_of_one_list_changes_and_comes_back(make_file):
    path = make_file()
    before, items = nibabel.imageclasses.all_image_classes, classes()
    functions = nibabel.load, nibabel.save, nib.load, nib.save
    with pytest.raises(ImageFileError):
        nib.load(path)
    (status,) = dicube_plugins.install("nibabel")
    assert status.state == "installed"
    assert any("all_image_classes" in change for change in status.changes)
    assert nibabel.imageclasses.all_image_classes is before
    assert classes() == [DcbsImage, *items]
    dicube_plugins.install("nibabel")
    assert classes() == [DcbsImage, *items]
    assert isinstance(nibabel.load(path), DcbsImage)
    dicube_plugins.uninstall("nibabel")
    assert nibabel.imageclasses.all_image_classes is before
    assert classes() == items
    assert (nibabel.load, nibabel.save, nib.load, nib.save) == functions
    assert nibabel.imageclasses.KNOWN_SPATIAL_FIRST is KNOWN_SPATIAL_FIRST
    with pytest.raises(ImageFileError):
        nib.load(path)


def test_functions_taken_before_see_it(make_file, adapter):
    path = make_file()
    for source in (path, str(path)):
        assert early_load(source).shape == (7, 9, 5)
    assert early_load(path.rename(path.with_suffix(".DCBS"))).shape == (7, 9, 5)


def test_without_the_adapter(make_file, tmp_path):
    path = make_file()
    assert DcbsImage not in all_image_classes
    image = load(path)
    assert image.dataobj[..., 1].shape == (7, 9)
    image.to_filename(tmp_path / "x.nii.gz")
    save(nib.load(tmp_path / "x.nii.gz"), tmp_path / "x.dcbs")
    assert np.array_equal(load(tmp_path / "x.dcbs").get_fdata(), image.get_fdata())
    save(image, tmp_path / "y.nii.gz")
    assert (tmp_path / "x.nii.gz").read_bytes() == (tmp_path / "y.nii.gz").read_bytes()


def saved_and_loaded(folder):
    """Save images in formats of nibabel's own, and load them."""
    data = np.arange(60, dtype=np.int16).reshape(3, 4, 5)
    affine = np.diag([1.0, 2, 3, 1])
    results = {}
    for kind, name in (
        (nibabel.Nifti1Image, "x.nii"),
        (nibabel.Nifti1Image, "x.nii.gz"),
        (nibabel.Nifti2Image, "x2.nii"),
        (nibabel.Nifti1Pair, "pair.img"),
        (nibabel.MGHImage, "x.mgz"),
        (nibabel.AnalyzeImage, "analyze.img"),
    ):
        folder.mkdir(exist_ok=True)
        nib.save(kind(data, affine), folder / name)
        image = nib.load(folder / name)
        raw = [p.read_bytes() for p in sorted(folder.glob(f"{name.split('.')[0]}.*"))]
        results[name] = (type(image), np.asarray(image.dataobj).tolist(), image.affine.tolist())
        results[f"{name} bytes"] = len(raw) if name.endswith("gz") else raw
    return results


def test_other_formats_are_as_they_were(tmp_path):
    before = saved_and_loaded(tmp_path / "before")
    dicube_plugins.install("nibabel")
    try:
        assert saved_and_loaded(tmp_path / "during") == before
        with pytest.raises(ImageFileError):
            nib.load(__file__)
    finally:
        dicube_plugins.uninstall("nibabel")


@pytest.mark.parametrize("given", [(1, -1024), (1, 0), (0.5, -3)], ids=str)
def test_a_script_for_nifti_gives_equal_results(
    make_pair, factors, adapter, tmp_path, monkeypatch, given
):
    results = []
    for name, source in zip(("ours", "twin"), make_pair(edit=factors(*given)), strict=True):
        folder = tmp_path / name
        folder.mkdir()
        monkeypatch.chdir(folder)
        names = {"source": str(source)}
        exec(compile(SCRIPT, "script.py", "exec"), names)
        results.append(names)
    ours, twin = results
    for name in NUMBERS:
        np.testing.assert_equal(ours[name], twin[name])
    np.testing.assert_allclose(ours["spacing"], twin["spacing"], rtol=1e-6)
    np.testing.assert_allclose(ours["volume"], twin["volume"], rtol=1e-6)
    for path in sorted((tmp_path / "ours").iterdir()):
        one, other = nib.load(path), nib.load(tmp_path / "twin" / path.name)
        np.testing.assert_allclose(one.affine, other.affine, atol=1e-5)
        # nibabel itself rounds to 65,536 steps when it writes scaled integers; ours does not.
        span = float(np.ptp(one.get_fdata())) / 65535
        np.testing.assert_allclose(one.get_fdata(), other.get_fdata(), rtol=0, atol=span)
        if path.name in ("coarse.nii.gz", "mask.nii.gz"):
            assert np.array_equal(one.get_fdata(), other.get_fdata())
