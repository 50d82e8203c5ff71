"""A script written for the incumbent runs after changing its imports."""

from __future__ import annotations

import inspect
import io
from types import SimpleNamespace

import numpy as np
import pydicom
import pytest

import dicube_core as dicube
from dicube_core.dicom import (
    CommonTags,
    DcbStreamingReader,
    DicomMeta,
    DicomStatus,
    SortMethod,
    get_dicom_status,
    get_space_from_DicomMeta,
)
from dicube_core.exceptions import (
    DataConsistencyError,
    InvalidCubeFileError,
    MetaDataError,
    ReaderClosedError,
    StreamingError,
)

VOLUME = np.random.default_rng(3).integers(-1000, 2000, (4, 20, 30)).astype(np.int16)


@pytest.fixture
def image():
    header = dicube.PixelDataHeader(PixelDtype="int16", OriginalPixelDtype="int16")
    space = SimpleNamespace(
        shape=(4, 20, 30),
        origin=(1.0, 2.0, 3.0),
        spacing=(2.5, 0.5, 0.75),
        x_orientation=(0.0, 0.0, 1.0),
        y_orientation=(0.0, 1.0, 0.0),
        z_orientation=(1.0, 0.0, 0.0),
    )
    image = dicube.DicomCubeImage(VOLUME.copy(), header, space=space)
    image.init_meta(modality="CT", patient_name="DOE^JANE", patient_id="7")
    return image


def test_signatures_begin_as_documented():
    expected = {
        dicube.load: ["file_path", "skip_meta"],
        dicube.load_meta: ["file_path"],
        dicube.save: ["image", "file_path", "file_type"],
        dicube.load_from_dicom_folder: ["folder_path", "sort_method"],
        dicube.load_from_nifti: ["file_path"],
        dicube.save_to_dicom_folder: ["image", "folder_path"],
        dicube.save_to_nifti: ["image", "file_path"],
        DcbStreamingReader: ["dcb_file_path", "chunk_size", "cache_size", "force_uncompressed"],
        get_space_from_DicomMeta: ["meta", "axis_order"],
        dicube.DicomCubeImage: [
            *("raw_image", "pixel_header", "dicom_meta", "space", "dicom_status"),
        ],
    }
    for function, names in expected.items():
        assert list(inspect.signature(function).parameters)[: len(names)] == names


def test_save_load_and_metadata(image, tmp_path):
    path = tmp_path / "a.dcbs"
    dicube.DicomCubeImageIO.save(image, str(path), "s")
    loaded = dicube.load(path)
    assert loaded.shape == (4, 20, 30)
    assert loaded.dtype == np.int16
    assert np.array_equal(loaded.raw_image, VOLUME)
    assert np.array_equal(loaded.get_fdata(), VOLUME.astype(np.float32))
    assert loaded.space == image.space
    assert tuple(loaded.space.spacing) == (2.5, 0.5, 0.75)
    assert loaded.dicom_status is DicomStatus.CONSISTENT
    meta = dicube.load_meta(path)
    assert meta.get_shared_value(CommonTags.PatientID) == "7"
    assert meta.get_shared_value(CommonTags.PatientName) == {"Alphabetic": "DOE^JANE"}
    assert meta.is_shared(CommonTags.Modality)
    assert not meta.is_shared(CommonTags.InstanceNumber)
    assert get_dicom_status(meta) is DicomStatus.CONSISTENT
    assert get_space_from_DicomMeta(meta, axis_order="zyx") == image.space
    assert dicube.load(path, skip_meta=True).dicom_meta is None


def test_the_file_gets_exactly_the_name_given(image, tmp_path):
    dicube.save(image, tmp_path / "series.dcb")
    assert [p.name for p in tmp_path.iterdir()] == ["series.dcb"]


@pytest.mark.parametrize("file_type", ["a", "l", "x"])
def test_undefined_file_types_are_refused(image, tmp_path, file_type):
    with pytest.raises(InvalidCubeFileError):
        dicube.save(image, tmp_path / "a.dcbs", file_type)
    assert list(tmp_path.iterdir()) == []


def test_slices_from_a_streaming_reader(image, tmp_path):
    dicube.save(image, tmp_path / "a.dcbs")
    with DcbStreamingReader(str(tmp_path / "a.dcbs"), cache_size=2) as reader:
        assert reader.get_frame_count() == len(reader) == 4
        for index, data in enumerate(reader):
            for form in (data, reader.get_dicom_for_frame(index, force_uncompressed=True)):
                dataset = pydicom.dcmread(io.BytesIO(form))
                assert np.array_equal(dataset.pixel_array, VOLUME[index])
                assert dataset.InstanceNumber == index + 1
            assert dataset.file_meta.TransferSyntaxUID == pydicom.uid.ExplicitVRLittleEndian
            assert reader.get_dicom_for_frame(index) == data
        stats = reader.get_cache_stats()
        assert stats["cached_frames"] == stats["cache_size_limit"] == 2
        reader.clear_cache()
        assert reader.get_cache_stats()["cached_frames"] == 0
        assert reader.get_metadata()["frame_count"] == 4
        for index in (4, -1):
            with pytest.raises(IndexError):
                reader.get_dicom_for_frame(index)
    with pytest.raises(ReaderClosedError):
        reader.get_dicom_for_frame(0)


def test_uncompressed_by_default_if_the_reader_says_so(image, tmp_path):
    dicube.save(image, tmp_path / "a.dcbs")
    with DcbStreamingReader(tmp_path / "a.dcbs", force_uncompressed=True) as reader:
        plain = pydicom.dcmread(io.BytesIO(reader.get_dicom_for_frame(0)))
        assert plain.file_meta.TransferSyntaxUID == pydicom.uid.ExplicitVRLittleEndian
        packed = pydicom.dcmread(io.BytesIO(reader.get_dicom_for_frame(0, False)))
        assert packed.file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.4.201"


def test_a_damaged_slice_is_never_delivered(image, tmp_path):
    path = tmp_path / "a.dcbs"
    dicube.save(image, path)
    data = bytearray(path.read_bytes())
    with dicube.open(path) as reader:
        data[reader.container.index.offsets[3] + 60] ^= 1
    with DcbStreamingReader(bytes(data)) as reader:
        reader.get_dicom_for_frame(0)
        for plain in (False, True):
            with pytest.raises(StreamingError) as caught:
                reader.get_dicom_for_frame(3, plain)
            assert isinstance(caught.value, RuntimeError)
            assert caught.value.details["frame"] == 3


def test_to_a_folder_and_back(image, tmp_path):
    files = dicube.save_to_dicom_folder(image, tmp_path / "out")
    assert [f.name for f in files] == [f"slice_{i:04d}.dcm" for i in range(4)]
    again = dicube.load_from_dicom_folder(str(tmp_path / "out"), SortMethod.INSTANCE_NUMBER_DESC)
    assert np.array_equal(again.raw_image, VOLUME[::-1])
    assert again.dicom_meta.get_values("InstanceNumber") == [4, 3, 2, 1]
    with pytest.raises(FileExistsError):
        dicube.save_to_dicom_folder(image, tmp_path / "out")
    assert len(list((tmp_path / "out").iterdir())) == 4


def test_threads_can_be_set():
    before = dicube.get_num_threads()
    try:
        dicube.set_num_threads(3)
        assert dicube.get_num_threads() == 3
        with pytest.raises(ValueError, match="at least 1"):
            dicube.set_num_threads(0)
    finally:
        dicube.set_num_threads(before)


def test_init_meta_is_the_same_each_time(image):
    first = image.dicom_meta.to_json()
    assert image.init_meta("CT", "DOE^JANE", "7").to_json() == first
    with pytest.raises(MetaDataError):
        image.init_meta("")


def test_inconsistent_images_are_refused(image, tmp_path):
    header = dicube.PixelDataHeader(PixelDtype="int16", OriginalPixelDtype="int16")
    with pytest.raises(DataConsistencyError):
        dicube.DicomCubeImage(VOLUME.astype(np.float32), header)
    with pytest.raises(DataConsistencyError):
        dicube.DicomCubeImage(VOLUME.astype(np.uint16), header)
    with pytest.raises(DataConsistencyError):
        dicube.DicomCubeImage(VOLUME[:2], header, space=image.space)
    with pytest.raises(DataConsistencyError):
        dicube.DicomCubeImage(VOLUME[:2], header, dicom_meta=image.dicom_meta)
    path = tmp_path / "a.dcbs"
    dicube.save(image, path)
    before = path.read_bytes()
    image.raw_image = image.raw_image[:, :10]
    with pytest.raises(DataConsistencyError):
        dicube.save(image, path)
    assert path.read_bytes() == before


def test_per_slice_rescale_is_exact(tmp_path):
    slopes = [0.5, 0.75, 0.89, 1.25]
    header = dicube.PixelDataHeader(
        RescaleSlope=slopes, PixelDtype="int16", OriginalPixelDtype="int16"
    )
    image = dicube.DicomCubeImage(VOLUME, header)
    image.init_meta("PT")
    dicube.save(image, tmp_path / "pet.dcbs")
    loaded = dicube.load(tmp_path / "pet.dcbs")
    expected = VOLUME.astype(np.float64) * np.reshape(slopes, (4, 1, 1))
    assert np.array_equal(loaded.get_fdata("float64"), expected)
    assert loaded.dicom_meta.get_values("RescaleSlope") == slopes


def test_metadata_from_data_sets():
    datasets = []
    for number in (1, 2):
        dataset = pydicom.Dataset()
        dataset.PatientID = "x"
        dataset.InstanceNumber = number
        datasets.append(dataset)
    meta = DicomMeta.from_datasets(datasets, ["a", "b"])
    assert meta.get_values("InstanceNumber") == [1, 2]
    assert meta.is_shared("PatientID")
