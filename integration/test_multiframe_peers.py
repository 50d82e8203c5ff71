"""Other programs read the multi-frame image as the series that it is: values, place, and form."""

from __future__ import annotations

import shutil
import subprocess

import numpy as np
import pydicom
import pytest
from bridge_peers import DATA, FILES, given_file
from support.compare import flatten

import dicube_core
from dicube_core.modality import ModalityValues
from dicube_core.slices import SliceProvider
from dicube_plugins.multiframe import MultiFrameFile, original_datasets

HTJ2K, EXPLICIT = "1.2.840.10008.1.2.4.201", "1.2.840.10008.1.2.1"
FORMS = {"htj2k": HTJ2K, "explicit": EXPLICIT}


class Made:
    """A .dcbs file, what it holds, and the multi-frame images made of it."""

    def __init__(self, name, folder):
        given = given_file(name, folder)
        self.name, self.source, self.folder = name, given.source, folder
        self.reader = dicube_core.open(given.file)
        self.stored = self.reader.frames()
        self.modality = ModalityValues(self.reader).frames()
        self.paths = {}
        for form, syntax in FORMS.items():
            (folder / form).mkdir()
            self.paths[form] = folder / form / "image.dcm"
            file = MultiFrameFile(self.reader, syntax)
            assert file.transfer_syntax == syntax
            self.paths[form].write_bytes(file.open().read())


@pytest.fixture(scope="module", params=FILES)
def made(request, tmp_path_factory):
    return Made(request.param, tmp_path_factory.mktemp("multiframe"))


@pytest.fixture(params=FORMS)
def path(request, made):
    return made.paths[request.param]


def steps(affine):
    """Return the vectors from voxel to voxel, and the first voxel's place."""
    return [affine[:3, axis] for axis in range(3)], affine[:3, 3]


def test_pydicom(made, path):
    image = pydicom.dcmread(path)
    np.testing.assert_array_equal(image.pixel_array, made.stored)


def test_gdcm(made, path):
    gdcm = pytest.importorskip("gdcm", exc_type=ImportError)
    reader = gdcm.ImageReader()
    reader.SetFileName(str(path))
    assert reader.Read()
    image = reader.GetImage()
    data = image.GetBuffer().encode("utf-8", errors="surrogateescape")
    found = np.frombuffer(data, made.stored.dtype).reshape(made.stored.shape)
    np.testing.assert_array_equal(found, made.stored)
    slope, intercept = ModalityValues(made.reader).rescale(0)
    assert (image.GetSlope(), image.GetIntercept()) == (slope, intercept)
    axes, origin = steps(made.reader.require_geometry().affine_xyz)
    np.testing.assert_allclose([image.GetOrigin(i) for i in range(3)], origin)
    expected = [np.linalg.norm(axis) for axis in axes]
    # Where slices run against their normal, as in files of 0.3.0, it says so with a sign.
    found = np.abs([image.GetSpacing(i) for i in range(3)])
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_simpleitk(made, path):
    sitk = pytest.importorskip("SimpleITK")
    image = sitk.ReadImage(str(path))
    np.testing.assert_array_equal(sitk.GetArrayFromImage(image), made.modality)
    affine = made.reader.require_geometry().affine_xyz
    size = image.GetSize()
    for index in ((0, 0, 0), (size[0] - 1, 0, 0), (3, size[1] - 1, 1), (1, 2, size[2] - 1)):
        found = image.TransformIndexToPhysicalPoint(index)
        np.testing.assert_allclose(found, (affine @ (*index, 1))[:3], atol=1e-3)


@pytest.mark.filterwarnings("ignore")
def test_highdicom(made, path):
    highdicom = pytest.importorskip("highdicom")
    volume = highdicom.imread(path).get_volume()
    found = np.squeeze(volume.array)
    # Its indices are (slice, row, column); slices run the other way round, or not.
    axes, origin = steps(made.reader.require_geometry().affine_xyz)
    (down, rows, columns), first = steps(volume.affine)
    if np.dot(down, axes[2]) < 0:
        found, first, down = found[::-1], first + down * (len(found) - 1), -down
    np.testing.assert_allclose(found, made.modality, rtol=0, atol=0)
    for one, other in ((columns, axes[0]), (rows, axes[1]), (down, axes[2]), (first, origin)):
        np.testing.assert_allclose(one, other, atol=1e-3)


def test_dcm2niix(made, path, tmp_path):
    nibabel = pytest.importorskip("nibabel")
    program = shutil.which("dcm2niix")
    if program is None:
        pytest.skip("the program dcm2niix is not installed")
    command = [program, "-z", "n", "-b", "n", "-f", "x", "-o", tmp_path, path.parent]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (written,) = tmp_path.glob("*.nii")
    image = nibabel.as_closest_canonical(nibabel.load(written))
    ours = made.reader.require_geometry()
    expected = nibabel.Nifti1Image(
        made.modality.transpose(2, 1, 0).astype("float64"), ours.affine_xyz_ras
    )
    expected = nibabel.as_closest_canonical(expected)
    np.testing.assert_allclose(image.affine, expected.affine, atol=1e-3)
    np.testing.assert_array_equal(image.get_fdata(), expected.get_fdata())


def test_dciodvfy_finds_no_error(made):
    program = shutil.which("dciodvfy")
    if program is None:
        pytest.skip("the program dciodvfy is not installed")
    done = subprocess.run(
        [program, made.paths["explicit"]], capture_output=True, text=True, timeout=120, check=False
    )
    lines = (done.stdout + done.stderr).splitlines()
    assert "LegacyConvertedEnhancedCTImage" in lines
    assert [line for line in lines if line.startswith("Error")] == []


def test_dcmdump_reads_every_element(made, path):
    program = shutil.which("dcmdump")
    if program is None:
        pytest.skip("the program dcmdump is not installed")
    done = subprocess.run([program, path], capture_output=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.count(b"(fffe,e000)") > made.reader.frame_count


def originals_are_the_slices(image, made):
    provider = SliceProvider(made.reader)
    count = 0
    for index, original in enumerate(original_datasets(image)):
        data = provider.instance(index, EXPLICIT)
        source = pydicom.dcmread(pydicom.filebase.DicomBytesIO(data), stop_before_pixels=True)
        assert original == pydicom.Dataset(source)
        for path, (vr, *_, value) in flatten(source).items():
            found = flatten(original)[path] if index == 0 else None
            assert found is None or (found[0], found[-1]) == (vr, value), path
        count += 1
    assert count == made.reader.frame_count


@pytest.mark.filterwarnings("ignore::UserWarning:pydicom")
def test_the_slices_come_out_of_it(made, path, tmp_path):
    image = pydicom.dcmread(path)
    image.save_as(tmp_path / "untouched.dcm")
    originals_are_the_slices(image, made)
    image.save_as(tmp_path / "touched.dcm")
    for name in ("untouched", "touched"):
        again = pydicom.dcmread(tmp_path / f"{name}.dcm")
        originals_are_the_slices(again, made)
        if made.name == "phantom" and again.file_meta.TransferSyntaxUID == HTJ2K:
            again.decompress()
            originals_are_the_slices(again, made)


@pytest.mark.parametrize("name", ["ct_body_60", "ct_heart_10"])
def test_the_slices_are_those_of_the_source_files(name, tmp_path):
    if not (DATA / name).exists():
        pytest.skip(f"shared data {name} is not here")
    dicube_core.convert(DATA / name, tmp_path / "x.dcbs")
    with dicube_core.open(tmp_path / "x.dcbs") as reader:
        names = [header.name for header in reader.headers]
        image = pydicom.dcmread(MultiFrameFile(reader).open())
    for file, original in zip(names, original_datasets(image), strict=True):
        source = pydicom.dcmread(DATA / name / file, stop_before_pixels=True)
        assert original == pydicom.Dataset(source)
