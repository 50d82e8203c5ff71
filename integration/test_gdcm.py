"""GDCM reads our HTJ2K slices to the same values and the same place."""

import numpy as np
import pydicom
import pytest
from peers import HTJ2K, KINDS, streamed

gdcm = pytest.importorskip("gdcm", exc_type=ImportError)


def opened(path):
    """Return a reader; it owns the image, which must not outlive it."""
    reader = gdcm.ImageReader()
    reader.SetFileName(str(path))
    assert reader.Read()
    return reader


def values_of(image, kind):
    data = image.GetBuffer().encode("utf-8", errors="surrogateescape")
    return np.frombuffer(data, kind.dtype).reshape(kind.rows, kind.columns)


@pytest.mark.parametrize("plain", [False, True])
@pytest.mark.parametrize("name", KINDS)
def test_values_and_description(name, plain, tmp_path):
    kind = KINDS[name]
    _, paths = streamed(tmp_path, kind, plain=plain)
    for index, path in enumerate(paths):
        reader = opened(path)
        image = reader.GetImage()
        assert (image.GetTransferSyntax().GetString() == HTJ2K) == (not plain)
        np.testing.assert_array_equal(values_of(image, kind), kind.frame(index))
        pixel_format = image.GetPixelFormat()
        assert pixel_format.GetBitsStored() == kind.stored
        assert pixel_format.GetPixelRepresentation() == int(kind.signed)
        assert image.GetPhotometricInterpretation().GetString().strip() == kind.photometric
        origin = [image.GetOrigin(axis) for axis in range(3)]
        np.testing.assert_allclose(origin, [-12.5, 20.25, 2.5 * index])
        assert (image.GetSlope(), image.GetIntercept()) == (1, -1024)


def test_it_decompresses_our_slices(tmp_path):
    kind = KINDS["u16_stored_12"]
    _, paths = streamed(tmp_path, kind)
    reader = opened(paths[2])
    change = gdcm.ImageChangeTransferSyntax()
    change.SetTransferSyntax(gdcm.TransferSyntax(gdcm.TransferSyntax.ExplicitVRLittleEndian))
    change.SetInput(reader.GetImage())
    assert change.Change()
    writer = gdcm.ImageWriter()
    writer.SetFileName(str(tmp_path / "out.dcm"))
    writer.SetFile(reader.GetFile())
    writer.SetImage(change.GetOutput())
    assert writer.Write()
    dataset = pydicom.dcmread(tmp_path / "out.dcm")
    np.testing.assert_array_equal(dataset.pixel_array, kind.frame(2))
    assert dataset.PatientID == "PAT-0042"
