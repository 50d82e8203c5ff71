"""dicube 0.3.0 opens files whose frames come from multi-frame instances."""

import io

import numpy as np
import pydicom
import pytest
from support.multiframe import classic, enhanced, frames_of, part10

import dicube_core

dicube = pytest.importorskip("dicube")
streaming = pytest.importorskip("dicube.dicom.dcb_streaming")

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture
def path(tmp_path):
    frames = frames_of(5, 40, 33)
    instances = [
        part10(enhanced(frames[:3], instance=1, own_slopes=False)),
        part10(enhanced(frames[3:], instance=2, first=3, own_slopes=False)),
    ]
    dicube_core.convert(instances, tmp_path / "x.dcbs")
    return tmp_path / "x.dcbs"


def test_values_geometry_and_tags_of_every_frame(path):
    ours, theirs = dicube_core.load(path), dicube.load(str(path))
    np.testing.assert_array_equal(theirs.raw_image, frames_of(5, 40, 33))
    np.testing.assert_array_equal(theirs.get_fdata("float64"), ours.get_fdata("float64"))
    np.testing.assert_allclose(theirs.space.origin, ours.space.origin)
    np.testing.assert_allclose(theirs.space.spacing, ours.space.spacing)
    meta = theirs.dicom_meta
    tag = dicube.CommonTags
    assert meta.slice_count == 5
    assert meta.is_shared(tag.PatientID)
    assert [float(v) for v in meta.get_values("WindowWidth")] == [100, 101, 102, 100, 101]
    assert [float(v) for v in meta.get_values("EchoTime")] == [12.5, 13.5, 14.5, 12.5, 13.5]


def test_it_serves_every_frame(path):
    reader = streaming.DcbStreamingReader(str(path))
    for number, frame in enumerate(frames_of(5, 40, 33)):
        dataset = pydicom.dcmread(io.BytesIO(reader.get_dicom_for_frame(number)))
        np.testing.assert_array_equal(dataset.pixel_array, frame)
        assert dataset.ImagePositionPatient == [-12.5, 20.25, 2.5 * number]


def test_a_cine_without_geometry(tmp_path):
    frames = frames_of(4, 20, 30)
    dicube_core.convert([part10(classic(frames))], tmp_path / "x.dcbs")
    theirs = dicube.load(str(tmp_path / "x.dcbs"))
    np.testing.assert_array_equal(theirs.raw_image, frames)
    assert theirs.dicom_meta.slice_count == 4
