"""GDCM, SimpleITK and pydicom read colour and palette slices of ours to the source's values."""

import numpy as np
import pydicom
import pytest
from pydicom.pixels import pixel_array
from support.kind_series import PALETTE, Sort, sort_series
from support.whole import write_files

import dicube_core
from dicube_core.streaming import DcbStreamingReader

HTJ2K = "1.2.840.10008.1.2.4.201"
EXPLICIT_LE = "1.2.840.10008.1.2.1"
_SIZE = {"rows": 33, "columns": 46}
RGB = {
    sort.name: sort
    for sort in (
        Sort("rgb8", **_SIZE),
        Sort("rgb8_planes", planar=1, **_SIZE),
        Sort("rgb16", "uint16", **_SIZE),
        Sort("rgb16_planes", "uint16", planar=1, **_SIZE),
    )
}
#: Read as they are by GDCM; SimpleITK shows them as RGB.
SHOWN = {
    sort.name: sort
    for sort in (
        Sort("ybr", photometric="YBR_FULL", **_SIZE),
        Sort("ybr_422", photometric="YBR_FULL_422", **_SIZE),
        Sort("palette8", photometric="PALETTE COLOR", extra=PALETTE, **_SIZE),
        Sort("palette16", "uint16", "PALETTE COLOR", extra=PALETTE, **_SIZE),
    )
}
ALL = RGB | SHOWN
COMPRESSED = (*RGB, "palette8", "palette16")
CASES = [(name, EXPLICIT_LE) for name in ALL] + [(name, HTJ2K) for name in COMPRESSED]


def delivered(sort, syntax, folder):
    """Return a slice of ours as a file, and its source."""
    files = sort_series(sort, 2)
    source = write_files(folder / "source", files)
    dicube_core.convert(source, folder / "x.dcbs")
    with DcbStreamingReader(folder / "x.dcbs") as stream:
        (folder / "slice.dcm").write_bytes(stream.get_dicom_for_frame(1, transfer_syntax=syntax))
    return folder / "slice.dcm", folder / "source" / "IM0001.dcm"


@pytest.mark.parametrize(("name", "syntax"), CASES)
def test_gdcm(name, syntax, tmp_path):
    gdcm = pytest.importorskip("gdcm", exc_type=ImportError)
    sort = ALL[name]
    path, _ = delivered(sort, syntax, tmp_path)
    reader = gdcm.ImageReader()
    reader.SetFileName(str(path))
    assert reader.Read()
    image = reader.GetImage()
    assert image.GetTransferSyntax().GetString() == syntax
    data = image.GetBuffer().encode("utf-8", errors="surrogateescape")
    found = np.frombuffer(data, sort.dtype)
    expected = sort.frame(1)
    if image.GetPlanarConfiguration() == 1:
        found = np.moveaxis(found.reshape(3, *expected.shape[:2]), 0, -1)
    np.testing.assert_array_equal(found.reshape(expected.shape), expected)


@pytest.mark.parametrize(("name", "syntax"), CASES)
def test_simpleitk(name, syntax, tmp_path):
    itk = pytest.importorskip("SimpleITK")
    sort = ALL[name]
    path, source = delivered(sort, syntax, tmp_path)
    found = itk.GetArrayFromImage(itk.ReadImage(str(path)))
    if name in RGB:
        np.testing.assert_array_equal(found[0], sort.frame(1))
    shown = itk.GetArrayFromImage(itk.ReadImage(str(source)))
    np.testing.assert_array_equal(found, shown)


@pytest.mark.parametrize("plugin", ["pylibjpeg", "gdcm", "pillow"])
@pytest.mark.parametrize("name", COMPRESSED)
def test_every_decoder_of_pydicom(name, plugin, tmp_path):
    from pydicom.pixels import get_decoder

    decoder = get_decoder(pydicom.uid.HTJ2KLossless)
    if plugin not in decoder.available_plugins:
        pytest.skip(f"pydicom cannot decode HTJ2K with {plugin} here")
    path, _ = delivered(ALL[name], HTJ2K, tmp_path)
    found = pixel_array(path, decoding_plugin=plugin)
    np.testing.assert_array_equal(found, ALL[name].frame(1))


def test_dcm2niix_takes_rgb(tmp_path):
    """It reads no colour from HTJ2K without a message, so the uncompressed form is compared."""
    import shutil
    import subprocess

    nibabel = pytest.importorskip("nibabel")
    command = shutil.which("dcm2niix")
    if command is None:
        try:
            import dcm2niix

            command = dcm2niix.bin
        except ImportError:
            pytest.skip("dcm2niix is not installed")
    sort = RGB["rgb8_planes"]
    source = write_files(tmp_path / "source", sort_series(sort, 3))
    dicube_core.convert(source, tmp_path / "x.dcbs")
    out = tmp_path / "slices"
    out.mkdir()
    with DcbStreamingReader(tmp_path / "x.dcbs") as stream:
        for index in range(3):
            data = stream.get_dicom_for_frame(index, transfer_syntax=EXPLICIT_LE)
            (out / f"{index}.dcm").write_bytes(data)
    results = []
    for folder in (source, out):
        target = tmp_path / f"nii_{folder.name}"
        target.mkdir()
        subprocess.run(
            [command, "-f", "x", "-o", str(target), str(folder)], check=True, capture_output=True
        )
        (path,) = target.glob("*.nii")
        results.append(np.asarray(nibabel.load(path).dataobj))
    assert results[0].dtype.names == ("R", "G", "B")
    np.testing.assert_array_equal(results[0], results[1])


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("sort", "is_read"),
    [
        (Sort("palette", photometric="PALETTE COLOR", extra=PALETTE), True),
        (Sort("bits", photometric="MONOCHROME2", bit=True), True),
        (Sort("deep", "uint32", "MONOCHROME2"), True),
        (Sort("rgb"), False),
        (Sort("ybr", photometric="YBR_FULL"), False),
        (Sort("real", "float32", "MONOCHROME2"), False),
    ],
    ids=lambda value: getattr(value, "name", str(value)),
)
def test_0_3_0_gives_the_values_or_an_error(sort, is_read, tmp_path):
    dicube = pytest.importorskip("dicube")
    source = write_files(tmp_path / "source", sort_series(sort, 2))
    dicube_core.convert(source, tmp_path / "x.dcbs")
    if not is_read:
        errors = pytest.importorskip("dicube.exceptions")
        with pytest.raises(errors.DicomCubeError):
            dicube.load(str(tmp_path / "x.dcbs"))
        return
    found = dicube.load(str(tmp_path / "x.dcbs")).raw_image
    np.testing.assert_array_equal(found, np.stack([sort.frame(0), sort.frame(1)]))
