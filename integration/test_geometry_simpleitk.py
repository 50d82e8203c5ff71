"""Our geometry against the one SimpleITK reads from the same slices."""

from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

from dicube_core.spatial.findings import assess
from dicube_core.spatial.order import SortMethod, slice_order
from dicube_core.spatial.planes import SLICE_FIELDS, SliceAttributes

sitk = pytest.importorskip("SimpleITK")

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
METHODS = [None, SortMethod.INSTANCE_NUMBER_ASC, SortMethod.POSITION_LEFT_HAND]


def read(paths, method):
    """Return the files in our order, and our geometry."""
    slices = []
    for path in paths:
        header = pydicom.dcmread(path, stop_before_pixels=True)
        values = {tag: header[tag].value for tag in SLICE_FIELDS if tag in header}
        slices.append(SliceAttributes.from_values(values))
    order = slice_order(slices, method, [path.name for path in paths])
    return [str(paths[i]) for i in order], assess([slices[i] for i in order]).geometry


def assert_same(geometry, files):
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(files)
    image = reader.Execute()
    ours = geometry.reverse_axis_order()
    assert image.GetSize() == ours.shape
    np.testing.assert_allclose(image.GetOrigin(), ours.origin, atol=1e-9)
    np.testing.assert_allclose(image.GetSpacing(), ours.spacing, rtol=1e-7)
    direction = np.reshape(image.GetDirection(), (3, 3))
    np.testing.assert_allclose(direction, ours.direction, atol=1e-6)
    corner = [size - 1 for size in ours.shape]
    np.testing.assert_allclose(
        image.TransformIndexToPhysicalPoint(corner),
        (geometry.affine @ (*corner[::-1], 1))[:3],
        atol=1e-3,
    )


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", ["ct_body_60", "ct_heart_10"])
def test_real_series(name, method):
    folder = DATA / name
    if not folder.is_dir():
        pytest.skip(f"shared series {name} is not here")
    files, geometry = read(sorted(folder.iterdir()), method)
    assert_same(geometry, files)


ORIENTATIONS = {
    "axial": ((1, 0, 0), (0, 1, 0)),
    "sagittal": ((0, 1, 0), (0, 0, -1)),
    "oblique": ((0.8, 0.6, 0.0), (-0.36, 0.48, 0.8)),
}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("directions", ORIENTATIONS.values(), ids=ORIENTATIONS)
def test_generated_series(tmp_path, directions, method):
    row, column = map(np.array, directions)
    for index in range(6):
        dataset = pydicom.Dataset()
        dataset.file_meta = pydicom.dataset.FileMetaDataset()
        dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        dataset.SOPClassUID = CTImageStorage
        dataset.SOPInstanceUID = f"1.2.3.{index + 1}"
        dataset.SeriesInstanceUID = "1.2.3"
        dataset.Modality = "CT"
        dataset.InstanceNumber = 10 - index
        place = np.array((-50.0, 20.0, 7.0)) + 2.5 * index * np.cross(row, column)
        dataset.ImagePositionPatient = [float(round(value, 6)) for value in place]
        dataset.ImageOrientationPatient = [float(value) for value in (*row, *column)]
        dataset.PixelSpacing = [0.5, 0.75]
        dataset.SliceThickness = 9
        dataset.Rows, dataset.Columns = 8, 12
        dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
        dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 16, 15
        dataset.PixelRepresentation = 0
        dataset.PixelData = bytes(8 * 12 * 2)
        dataset.save_as(tmp_path / f"{index}.dcm", enforce_file_format=True)
    files, geometry = read(sorted(tmp_path.iterdir()), method)
    assert_same(geometry, files)
