"""The SimpleITK adapter on real series, in processes of their own, against the source folders."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
from bridge_peers import DATA, LEGACY

import dicube_core
import dicube_plugins

sitk = pytest.importorskip("SimpleITK")

SERIES = ("ct_body_60", "ct_heart_10")

#: As found in tutorials, with one line in front that it knows nothing of.
SCRIPT = """
import json, sys
import SimpleITK as sitk

path, out = sys.argv[1:]
reader = sitk.ImageSeriesReader()
names = reader.GetGDCMSeriesFileNames(path)
reader.SetFileNames(names)
reader.MetaDataDictionaryArrayUpdateOn()
reader.LoadPrivateTagsOn()
image = reader.Execute()
spacing = [1.5, 1.5, 3.0]
size = [int(round(n * s / t)) for n, s, t in zip(image.GetSize(), image.GetSpacing(), spacing)]
image = sitk.Resample(
    image, size, sitk.Transform(), sitk.sitkLinear, image.GetOrigin(), spacing,
    image.GetDirection(), -1000, image.GetPixelID(),
)
seed = [n // 2 for n in image.GetSize()]
mask = sitk.ConnectedThreshold(image, [seed], -200, 3000)
statistics = sitk.LabelIntensityStatisticsImageFilter()
statistics.Execute(mask, image)
print(json.dumps({
    "type": image.GetPixelIDTypeAsString(),
    "hash": sitk.Hash(image),
    "voxels": statistics.GetNumberOfPixels(1),
    "mean": statistics.GetMean(1),
    "centroid": statistics.GetCentroid(1),
    "first": {k: reader.GetMetaData(0, k) for k in reader.GetMetaDataKeys(0) if "|" in k},
    "places": [reader.GetMetaData(i, "0020|0032") for i in range(reader.Execute().GetDepth())],
}))
sitk.WriteImage(image, out)
"""


@pytest.fixture(scope="module", params=SERIES)
def pair(request, tmp_path_factory):
    """A folder of slices, and the file made of it."""
    folder = DATA / request.param
    if not folder.is_dir():
        pytest.skip(f"shared series {request.param} is not here")
    path = tmp_path_factory.mktemp(request.param) / "study.dcbs"
    dicube_core.convert(folder, path)
    return folder, path


@pytest.fixture
def adapter():
    dicube_plugins.install("SimpleITK")
    yield
    dicube_plugins.uninstall("SimpleITK")


def read_folder(folder):
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder)))
    return reader.Execute()


def assert_same_grid(image, expected):
    assert image.GetSize() == expected.GetSize()
    np.testing.assert_allclose(image.GetSpacing(), expected.GetSpacing(), rtol=1e-6)
    np.testing.assert_allclose(image.GetOrigin(), expected.GetOrigin(), atol=1e-4)
    np.testing.assert_allclose(image.GetDirection(), expected.GetDirection(), atol=1e-6)


@pytest.mark.usefixtures("adapter")
def test_the_image_of_the_folder(pair):
    folder, path = pair
    image, expected = sitk.ReadImage(str(path)), read_folder(folder)
    assert_same_grid(image, expected)
    assert image.GetPixelID() == expected.GetPixelID()
    assert sitk.Hash(image) == sitk.Hash(expected)
    names = sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(folder))
    first = sitk.ReadImage(names[0])
    for key in image.GetMetaDataKeys():
        assert image.GetMetaData(key) == first.GetMetaData(key), key
    made = {"ITK_original_direction", "ITK_original_spacing"}
    assert set(first.GetMetaDataKeys()) - made == set(image.GetMetaDataKeys())


@pytest.mark.usefixtures("adapter")
def test_regions_of_the_folder(pair):
    folder, path = pair
    expected = read_folder(folder)
    for index, size in (((100, 50, 3), (200, 100, 4)), ((0, 0, 9), (512, 512, 0))):
        reader = sitk.ImageFileReader()
        reader.SetFileName(str(path))
        reader.SetExtractIndex(index)
        reader.SetExtractSize(size)
        part, wanted = reader.Execute(), sitk.Extract(expected, size, index)
        assert_same_grid(part, wanted)
        assert sitk.Hash(part) == sitk.Hash(wanted)


@pytest.mark.usefixtures("adapter")
def test_a_file_of_dicube_0_3_0():
    """Its values are rescaled already, and of another type perhaps; places and values are equal."""
    if not (DATA / LEGACY).exists():
        pytest.skip(f"shared file {LEGACY} is not here")
    image, expected = sitk.ReadImage(DATA / LEGACY), read_folder(DATA / "ct_heart_10")
    assert_same_grid(image, expected)
    np.testing.assert_array_equal(
        sitk.GetArrayViewFromImage(image), sitk.GetArrayViewFromImage(expected)
    )
    for key in ("0010|0010", "0008|0060", "0020|000e"):
        names = sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(DATA / "ct_heart_10"))
        assert image.GetMetaData(key) == sitk.ReadImage(names[0]).GetMetaData(key)


def run(*command, cwd):
    done = subprocess.run(
        [sys.executable, "-W", "error", *map(str, command)],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_script_that_knows_nothing_gives_the_same_for_folder_and_file(pair, tmp_path):
    folder, path = pair
    plain, switched = tmp_path / "plain.py", tmp_path / "switched.py"
    plain.write_text(SCRIPT)
    switched.write_text(f"import dicube_plugins; dicube_plugins.install('SimpleITK')\n{SCRIPT}")
    expected = run(plain, folder, tmp_path / "theirs.mha", cwd=tmp_path)
    assert run(switched, path, tmp_path / "ours.mha", cwd=tmp_path) == expected
    assert run(switched, folder, tmp_path / "again.mha", cwd=tmp_path) == expected
    assert (tmp_path / "ours.mha").read_bytes() == (tmp_path / "theirs.mha").read_bytes()
    # Their result can be kept as a series, and read by a script like this.
    assert run(switched, path, tmp_path / "ours.dcbs", cwd=tmp_path) == expected
    with dicube_core.open(tmp_path / "ours.dcbs") as reader:
        assert reader.validated
        values = reader.frames()
    twin = sitk.ReadImage(str(tmp_path / "theirs.mha"))
    np.testing.assert_array_equal(values, sitk.GetArrayViewFromImage(twin))


def test_the_deferred_form_installs_it_when_simpleitk_is_imported(pair, tmp_path):
    _, path = pair
    script = tmp_path / "deferred.py"
    script.write_text(
        "import json, sys, dicube_plugins.auto\n"
        "assert 'SimpleITK' not in sys.modules\n"
        "from SimpleITK import ReadImage\n"
        "print(json.dumps(ReadImage(sys.argv[1]).GetSize()))\n"
    )
    with dicube_core.open(path) as reader:
        frames, rows, columns = reader.shape
    assert run(script, path, cwd=tmp_path) == [columns, rows, frames]
