"""Adapters from the built wheel, in processes of their own, away from the checkout.

The environment holds the frameworks and no development tools. What the pages show is run there,
and two scripts that know nothing of ``.dcbs``: one for NIfTI, one for folders of DICOM files.
"""

import json

import pytest
from docs_pages.page import Page
from docs_pages.prepare import prepare
from environments import CORE, environment_with, run_python

import dicube_core
from dicube_core.phantom import write_phantom_series

PYTHON_WITH = (*CORE, "nibabel", "SimpleITK", "imageio", "scipy")
#: itk is large; its page is run by ``test_docs_pages_frameworks.py``.
PAGES = ("pydicom.md", "nibabel.md", "simpleitk.md", "imageio.md")

NIFTI_SCRIPT = """
import sys, json
import numpy as np
import nibabel as nib
from nibabel.processing import resample_to_output

img = nib.load(sys.argv[1])
data = img.get_fdata()
low, high = np.percentile(data, (1, 99))
crop = img.slicer[4:-4, 4:-4, 1:-1]
small = resample_to_output(crop, voxel_sizes=tuple(2 * z for z in img.header.get_zooms()), order=1)
nib.save(small, sys.argv[2])
again = nib.load(sys.argv[2])
print(json.dumps({
    "shape": img.shape, "axes": nib.aff2axcodes(img.affine), "mean": float(data.mean()),
    "percentiles": [float(low), float(high)], "middle": img.dataobj[3, :, 2].tolist(),
    "affine": np.round(img.affine, 4).tolist(), "small": again.shape,
    "small_mean": float(again.get_fdata().mean()),
    "small_affine": np.round(again.affine, 4).tolist(),
}))
"""

SERIES_SCRIPT = """
import sys, json
import SimpleITK as sitk

reader = sitk.ImageSeriesReader()
names = reader.GetGDCMSeriesFileNames(sys.argv[1])
reader.SetFileNames(names)
reader.MetaDataDictionaryArrayUpdateOn()
reader.LoadPrivateTagsOn()
image = reader.Execute()
smooth = sitk.CurvatureFlow(sitk.Cast(image, sitk.sitkFloat32), 0.1, 2)
mask = sitk.BinaryThreshold(smooth, 0, 3000)
stats = sitk.LabelStatisticsImageFilter()
stats.Execute(smooth, mask)
print(json.dumps({
    "size": image.GetSize(), "type": image.GetPixelIDTypeAsString(),
    "spacing": [round(s, 5) for s in image.GetSpacing()],
    "origin": [round(o, 4) for o in image.GetOrigin()],
    "direction": [round(d, 5) for d in image.GetDirection()],
    "hash": sitk.Hash(image), "mean": round(stats.GetMean(1), 4), "count": stats.GetCount(1),
    "patient": reader.GetMetaData(0, "0010|0020"),
    "positions": [reader.GetMetaData(i, "0020|0032") for i in range(len(names))],
}))
"""


@pytest.fixture(scope="module")
def python():
    return environment_with(*PYTHON_WITH)


@pytest.fixture
def study(tmp_path):
    """A folder with a series, the same as a .dcbs file, and as NIfTI."""
    write_phantom_series(tmp_path / "series", 8, size=48)
    dicube_core.convert(tmp_path / "series", tmp_path / "study.dcbs")
    dicube_core.save_to_nifti(dicube_core.load(tmp_path / "study.dcbs"), tmp_path / "x.nii.gz")
    return tmp_path


@pytest.mark.parametrize("name", PAGES)
def test_what_the_pages_show(python, site, tmp_path, name):
    page = Page.read(name)
    (prepare(tmp_path, page) / "page.py").write_text(page.script)
    run_python(python, site, "page.py", cwd=tmp_path)


def run_script(python, site, study, script, *arguments, prelude="install"):
    """Run a script as a file; with adapters, as a user's sitecustomize would switch them on."""
    switch = {
        "": "",
        "install": "import dicube_plugins; dicube_plugins.install()\n",
        "auto": "import dicube_plugins.auto\n",
    }[prelude]
    (study / "script.py").write_text(script)
    code = f"{switch}import runpy, sys; sys.argv = sys.argv[1:]; runpy.run_path(sys.argv[0])"
    return json.loads(run_python(python, site, "-c", code, "script.py", *arguments, cwd=study))


@pytest.mark.parametrize("prelude", ["install", "auto"])
def test_a_script_for_nifti_runs_unmodified(python, site, study, prelude):
    told = run_script(python, site, study, NIFTI_SCRIPT, "x.nii.gz", "a.nii.gz", prelude="")
    found = run_script(python, site, study, NIFTI_SCRIPT, "study.dcbs", "b.nii.gz", prelude=prelude)
    # nibabel rounds what is computed to the stored type of the .nii.gz; of a .dcbs it keeps all.
    assert found.pop("small_mean") == pytest.approx(told.pop("small_mean"), abs=0.05)
    assert found == told


@pytest.mark.parametrize("prelude", ["install", "auto"])
def test_a_script_for_a_series_of_dicom_files_runs_unmodified(python, site, study, prelude):
    told = run_script(python, site, study, SERIES_SCRIPT, "series", prelude="")
    found = run_script(python, site, study, SERIES_SCRIPT, "study.dcbs", prelude=prelude)
    assert found == told


def test_nothing_is_changed_by_installing_the_wheel_alone(python, site, study):
    code = """
import nibabel, pydicom, imageio.v3 as iio, sys
for read in (nibabel.load, pydicom.dcmread, iio.imread):
    try:
        read("study.dcbs")
    except Exception as exc:
        print(type(exc).__name__)
assert not any(name.startswith("dicube") for name in sys.modules), "imported by itself"
"""
    assert len(run_python(python, site, "-c", code, cwd=study).split()) == 3
