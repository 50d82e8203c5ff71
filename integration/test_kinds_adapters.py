"""Real files of every kind through the adapters: the values of pydicom, SimpleITK and dcm2niix."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pydicom
import pydicom.data
import pytest
from pydicom.pixels import pixel_array

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "plugins"))

from kind_files import COLOURS, file_of, time_series

import dicube_core
from dicube_core.codec.encapsulated import trusted_plugin
from dicube_core.exceptions import DicomCubeError, GeometryError, UnsupportedKindError
from dicube_plugins.pydicom import datasets, dcmread

pytestmark = [
    pytest.mark.filterwarnings("ignore"),  # of broken files there are many
    pytest.mark.filterwarnings("ignore:builtin type .* has no __module__"),
]

FOLDER = Path(pydicom.data.__file__).parent / "test_files"
BUNDLED = sorted(path.name for path in FOLDER.glob("*.dcm"))
#: What SimpleITK reads otherwise than pydicom, or not at all: palettes lose their lower eight bits,
#: big-endian 32 bits and RLE of 16 and 32 bits are not put in order.
LOSSY_JPEG = ("1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51")
OTHERWISE = {
    "JPGExtended.dcm",
    "SC_rgb_rle_16bit.dcm",
    "SC_rgb_rle_32bit.dcm",
    "examples_palette.dcm",
    "rtdose_expb.dcm",
}


def converted(name, folder):
    """Return a bundled file as .dcbs and what pydicom reads of it; skips what is refused."""
    (folder / "source").mkdir()
    shutil.copy(FOLDER / name, folder / "source")
    try:
        dicube_core.convert(folder / "source", folder / "x.dcbs")
    except DicomCubeError as exc:
        pytest.skip(f"{name} is refused on conversion: {exc.message[:80]}")
    source = pydicom.dcmread(FOLDER / name, force=True)
    # Lossy JPEG is decoded by each library in its own way, by one in some values.
    plugin = trusted_plugin(source.file_meta.TransferSyntaxUID)
    truth = pixel_array(source, raw=True, decoding_plugin=plugin)
    return folder / "x.dcbs", truth.astype(truth.dtype.newbyteorder("="))


@pytest.mark.parametrize("name", BUNDLED)
def test_values_in_pydicom(name, tmp_path):
    path, truth = converted(name, tmp_path)
    count = 1
    with dicube_core.open(path) as reader:
        count = reader.frame_count
    for syntax in ("auto", "explicit"):
        try:
            found = pixel_array(dcmread(path, transfer_syntax=syntax), raw=True)
        except UnsupportedKindError as exc:
            assert "class of multi-frame" in str(exc)  # noqa: PT017 - then slice by slice
        else:
            np.testing.assert_array_equal(found.reshape(truth.shape), truth)
    frames = [pixel_array(one, raw=True) for one in datasets(path)]
    expected = {a.tobytes() for a in (truth if count > 1 else [truth])}
    assert len(frames) == count
    assert {frame.tobytes() for frame in frames} == expected


@pytest.mark.parametrize("name", BUNDLED)
def test_values_in_simpleitk(name, tmp_path):
    sitk = pytest.importorskip("SimpleITK", exc_type=ImportError)
    from dicube_plugins.simpleitk import read_image

    path, _ = converted(name, tmp_path)
    try:
        image = read_image(path)
    except (GeometryError, UnsupportedKindError) as exc:
        assert str(path) in str(exc)  # noqa: PT017 - refused with a reason
        return
    try:
        theirs = sitk.ReadImage(str(FOLDER / name))
    except RuntimeError:
        return
    ours, theirs = (sitk.GetArrayFromImage(one) for one in (image, theirs))
    if name not in OTHERWISE:
        # GDCM decodes lossy JPEG in its own way: by two, in some values.
        syntax = pydicom.dcmread(FOLDER / name, force=True).file_meta.get("TransferSyntaxUID")
        difference = np.abs(ours.squeeze().astype(int) - theirs.squeeze().astype(int))
        assert ours.squeeze().shape == theirs.squeeze().shape
        assert difference.max() <= (2 if syntax in LOSSY_JPEG else 0)


@pytest.mark.parametrize("name", BUNDLED)
def test_values_in_imageio(name, tmp_path):
    iio = pytest.importorskip("imageio.v3", exc_type=ImportError)
    from dicube_plugins.imageio import DcbsPlugin

    path, truth = converted(name, tmp_path)
    found = iio.imread(path, plugin=DcbsPlugin, rescale=False)
    with dicube_core.open(path) as reader:
        stored = reader.pixel_format.pixel_values(found)
        if reader.geometry is None or reader.frame_count == 1:
            np.testing.assert_array_equal(stored.reshape(truth.shape), truth)
        else:
            assert sorted(f.tobytes() for f in stored) == sorted(f.tobytes() for f in truth)
    shown = iio.imread(path, plugin=DcbsPlugin)
    assert shown.shape == iio.improps(path, plugin=DcbsPlugin).shape


# -- dcm2niix -------------------------------------------------------------------------------------


def by_dcm2niix(source, folder):
    """Return the one image that dcm2niix makes of a folder, as nibabel reads it."""
    nib = pytest.importorskip("nibabel")
    program = shutil.which("dcm2niix", path=str(Path(sys.executable).parent)) or shutil.which(
        "dcm2niix"
    )
    if program is None:
        pytest.skip("dcm2niix is not installed")
    folder.mkdir()
    command = [program, "-z", "n", "-o", str(folder), str(source)]
    subprocess.run(command, check=True, capture_output=True, text=True)
    (path,) = folder.glob("*.nii")
    return nib.as_closest_canonical(nib.load(path))


def test_colour_in_nibabel_is_that_of_dcm2niix(tmp_path):
    nib = pytest.importorskip("nibabel")
    from dicube_plugins.nibabel import load

    path = file_of(COLOURS["rgb"], tmp_path)
    theirs = by_dcm2niix(tmp_path / "source", tmp_path / "nifti")
    ours = load(path)
    assert ours.get_data_dtype() == theirs.get_data_dtype()
    ours = nib.as_closest_canonical(ours)
    np.testing.assert_array_equal(np.asarray(ours.dataobj), np.asarray(theirs.dataobj))
    np.testing.assert_allclose(ours.affine, theirs.affine, atol=1e-4)


def test_time_in_nibabel_is_that_of_dcm2niix(tmp_path):
    nib = pytest.importorskip("nibabel")
    from dicube_plugins.nibabel import load, save

    path, _ = time_series(tmp_path)
    theirs = by_dcm2niix(tmp_path / "source", tmp_path / "nifti")
    save(load(path), tmp_path / "ours.nii")
    ours = nib.as_closest_canonical(nib.load(tmp_path / "ours.nii"))
    assert ours.shape == theirs.shape
    np.testing.assert_array_equal(ours.get_fdata(), theirs.get_fdata())
    np.testing.assert_allclose(ours.affine, theirs.affine, atol=1e-4)
