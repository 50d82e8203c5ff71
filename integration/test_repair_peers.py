"""Other programs read a repaired file: dicube 0.3.0 the file, pydicom and GDCM its slices."""

import io

import numpy as np
import pydicom
import pytest
from peers import KINDS, streamed

import dicube_core
from dicube_core.dicom import DcbStreamingReader

pytestmark = pytest.mark.filterwarnings("ignore")
KIND = KINDS["u16_stored_12"]
LOST = 2
KEPT = (0, 1, 3, 4)


@pytest.fixture(scope="module")
def repaired(tmp_path_factory):
    """A series of five slices whose third was lost."""
    folder = tmp_path_factory.mktemp("repaired")
    path, _ = streamed(folder, KIND)
    data = bytearray(path.read_bytes())
    with dicube_core.open(path) as reader:
        index = reader.container.index
        data[index.offsets[LOST] + index.lengths[LOST] - 9] ^= 0x40
    report = dicube_core.repair(bytes(data), folder / "repaired.dcbs")
    assert report.frames == KEPT
    return folder / "repaired.dcbs"


def test_dicube(repaired):
    dicube = pytest.importorskip("dicube")
    streaming = pytest.importorskip("dicube.dicom.dcb_streaming")
    theirs, ours = dicube.load(str(repaired)), dicube_core.load(repaired)
    np.testing.assert_array_equal(theirs.raw_image, np.stack([KIND.frame(n) for n in KEPT]))
    np.testing.assert_array_equal(theirs.get_fdata("float64"), ours.get_fdata("float64"))
    # A gap: it must not take the slices for evenly spaced ones.
    assert theirs.space is None
    assert theirs.dicom_status.value == ours.dicom_status.value == "gap_instance_number"
    uids = dicube.load_meta(str(repaired)).get_values(dicube.CommonTags.SOPInstanceUID)
    assert [uid.rsplit(".", 1)[1] for uid in uids] == [str(n + 1) for n in KEPT]
    with streaming.DcbStreamingReader(str(repaired)) as stream:
        assert stream.get_frame_count() == len(KEPT)
        for index, number in enumerate(KEPT):
            dataset = pydicom.dcmread(io.BytesIO(stream.get_dicom_for_frame(index)))
            np.testing.assert_array_equal(dataset.pixel_array, KIND.frame(number))


@pytest.mark.parametrize("plain", [False, True])
def test_pydicom(repaired, plain):
    with DcbStreamingReader(repaired) as stream:
        for index, number in enumerate(KEPT):
            dataset = pydicom.dcmread(io.BytesIO(stream.get_dicom_for_frame(index, plain)))
            np.testing.assert_array_equal(dataset.pixel_array, KIND.frame(number))
            assert dataset.InstanceNumber == number + 1


@pytest.mark.parametrize("plain", [False, True])
def test_gdcm(repaired, plain, tmp_path):
    gdcm = pytest.importorskip("gdcm", exc_type=ImportError)
    with DcbStreamingReader(repaired) as stream:
        for index, number in enumerate(KEPT):
            path = tmp_path / f"{index}.dcm"
            path.write_bytes(stream.get_dicom_for_frame(index, plain))
            reader = gdcm.ImageReader()
            reader.SetFileName(str(path))
            assert reader.Read()
            data = reader.GetImage().GetBuffer().encode("utf-8", errors="surrogateescape")
            found = np.frombuffer(data, KIND.dtype).reshape(KIND.rows, KIND.columns)
            np.testing.assert_array_equal(found, KIND.frame(number))
            assert reader.GetImage().GetOrigin(2) == 2.5 * number


def test_a_file_of_dicube_that_was_cut(tmp_path):
    """Its own writer: without checksums, what decodes is kept, and dicube reads the result."""
    dicube = pytest.importorskip("dicube")
    path, _ = streamed(tmp_path, KIND)
    image = dicube.load(str(path))
    dicube.save(image, str(tmp_path / "theirs.dcbs"))
    data = (tmp_path / "theirs.dcbs").read_bytes()
    report = dicube_core.repair(data[:-40], tmp_path / "out.dcbs")
    assert not report.record.checksums
    assert report.frames == (0, 1, 2, 3)
    found = dicube.load(str(tmp_path / "out.dcbs"))
    np.testing.assert_array_equal(found.raw_image, image.raw_image[:4])
    dicube.save_to_dicom_folder(found, str(tmp_path / "slices"))
    first = pydicom.dcmread(sorted((tmp_path / "slices").iterdir())[0])
    np.testing.assert_array_equal(first.pixel_array, image.raw_image[0])
