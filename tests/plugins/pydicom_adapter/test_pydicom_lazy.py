"""Pixel Data that stay in the file: what pydicom does with them, and with damage in them."""

import copy
import gzip
import io
import json
import pickle
import threading

import numpy as np
import pydicom
import pytest
from pydicom.encaps import generate_frames
from pydicom.pixels import iter_pixels, pixel_array
from pydicom.uid import ExplicitVRLittleEndian, RLELossless

import dicube_core
from dicube_core.exceptions import (
    ChecksumError,
    DataConsistencyError,
    DicomCubeError,
    InvalidCubeFileError,
)
from dicube_plugins.pydicom import SeriesDataset, dcmread, open_dicom


@pytest.fixture
def dataset(series):
    return dcmread(series.path)


@pytest.fixture
def native(series):
    return dcmread(series.path, transfer_syntax="explicit")


class TestPixels:
    def test_all_frames_are_decoded_once(self, dataset, series):
        first = dataset.pixel_array
        np.testing.assert_array_equal(first, series.volume)
        assert dataset.pixel_array is first

    def test_pixels_that_are_set_are_decoded_anew(self, native, series):
        assert native.pixel_array is native.pixel_array
        changed = series.volume[::-1].copy()
        native.PixelData = changed.tobytes()
        np.testing.assert_array_equal(native.pixel_array, changed)
        assert native.PixelData == changed.tobytes()

    @pytest.mark.parametrize("form", ["dataset", "native"])
    def test_single_frames(self, form, series, request):
        dataset = request.getfixturevalue(form)
        for index in (5, 0, 3):
            np.testing.assert_array_equal(pixel_array(dataset, index=index), series.volume[index])

    @pytest.mark.parametrize("form", ["dataset", "native"])
    def test_iteration(self, form, series, request):
        dataset = request.getfixturevalue(form)
        np.testing.assert_array_equal(list(iter_pixels(dataset)), series.volume)
        chosen = list(iter_pixels(dataset, indices=[4, 1]))
        np.testing.assert_array_equal(chosen, series.volume[[4, 1]])

    @pytest.mark.parametrize("form", ["dataset", "native"])
    def test_an_iteration_that_was_given_up(self, form, series, request):
        dataset = request.getfixturevalue(form)
        iterator = iter_pixels(dataset)
        next(iterator)
        next(iterator)
        np.testing.assert_array_equal(pixel_array(dataset), series.volume)
        np.testing.assert_array_equal(dataset.pixel_array, series.volume)

    @pytest.mark.parametrize("form", ["dataset", "native"])
    def test_other_frames_during_an_iteration(self, form, series, request):
        dataset = request.getfixturevalue(form)
        for index, frame in enumerate(iter_pixels(dataset)):
            other = pixel_array(dataset, index=5 - index)
            np.testing.assert_array_equal(other, series.volume[5 - index])
            np.testing.assert_array_equal(dataset.pixel_array, series.volume)
            np.testing.assert_array_equal(frame, series.volume[index])

    def test_codestreams(self, dataset, series):
        with dicube_core.open(series.path) as reader:
            expected = [reader.codestream(index) for index in range(6)]
        found = list(generate_frames(dataset.PixelData, number_of_frames=6))
        assert [frame[: len(e)] for frame, e in zip(found, expected, strict=True)] == expected

    @pytest.mark.parametrize("form", ["dataset", "native"])
    def test_eight_threads_on_one_data_set(self, form, series, request):
        dataset, wrong = request.getfixturevalue(form), []

        def work(number):
            for step in range(40):
                index = (number + step * 5) % 6
                frame = pixel_array(dataset, index=index)
                if not np.array_equal(frame, series.volume[index]):
                    wrong.append((number, index))

        threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not wrong

    def test_eight_threads_on_one_file(self, series):
        file, wrong = dcmread(series.path).PixelData, []
        expected = file.read()

        def work(number):
            for step in range(200):
                start = (number * 37 + step * 11) % (len(expected) - 50)
                file.seek(start)
                if file.read(50) != expected[start : start + 50]:
                    wrong.append(start)

        threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not wrong


class TestValue:
    """The value behaves as the bytes it stands for, as far as a file can."""

    def test_length_and_ranges(self, dataset, series):
        expected = dcmread(series.path, pixel_data="bytes").PixelData
        found = dataset.PixelData
        assert len(found) == len(expected)
        cases = [slice(None), slice(5), slice(-9, None), slice(3, 90, 7), slice(40, 2, -3)]
        cases += [slice(9, 2), slice(2, 9, -1), slice(0, 10**9)]
        for case in cases:
            assert found[case] == expected[case]
        assert (found[0], found[-1]) == (expected[0], expected[-1])
        with pytest.raises(IndexError):
            found[len(expected)]
        found.seek(7)
        assert bytes(found) == expected
        assert found.tell() == 7

    def test_reading(self, dataset, series):
        expected = dcmread(series.path, pixel_data="bytes").PixelData
        file = dataset.PixelData
        assert (file.read(10), file.tell()) == (expected[:10], 10)
        assert file.seek(-4, io.SEEK_END) == len(expected) - 4
        assert file.read() == expected[-4:]
        assert file.read() == b""
        assert file.seek(2) == 2
        assert file.seek(3, io.SEEK_CUR) == 5
        buffer = bytearray(6)
        assert file.readinto(buffer) == 6
        assert buffer == expected[5:11]
        with pytest.raises(ValueError, match="negative"):
            file.seek(-1)
        for whence in (3, -1):
            with pytest.raises(ValueError, match="whence"):
                file.seek(0, whence)
        with pytest.raises(io.UnsupportedOperation):
            file.write(b"x")

    def test_one_that_is_closed_closes_no_other(self, dataset, series):
        with dataset.PixelData as file:
            pass
        with pytest.raises(ValueError, match="closed"):
            file.read()
        np.testing.assert_array_equal(dataset.pixel_array, series.volume)

    def test_is_shown_without_reading(self, dataset):
        assert "read when needed" in str(dataset["PixelData"])
        assert "read when needed" in str(dataset)

    def test_is_not_empty(self, dataset):
        assert dataset["PixelData"].VM == 1
        assert not dataset["PixelData"].is_empty
        assert dataset["PixelData"].is_undefined_length


class TestDatasets:
    """What is done with data sets."""

    def test_equality(self, dataset, series):
        assert dataset == dcmread(series.path)
        assert dataset == dcmread(series.path, pixel_data="bytes")
        assert dcmread(series.path, pixel_data="bytes") == dataset
        other = dcmread(series.path)
        other.PixelData = other.PixelData.read()[:-2] + b"xx"
        assert dataset != other

    @pytest.mark.parametrize("make", [copy.copy, copy.deepcopy, pickle.loads])
    def test_copies(self, make, dataset, series):
        copied = make(pickle.dumps(dataset) if make is pickle.loads else dataset)
        assert isinstance(copied, SeriesDataset)
        assert copied == dataset
        np.testing.assert_array_equal(copied.pixel_array, series.volume)

    def test_a_pickle_of_a_file_in_memory(self, series):
        dataset = dcmread(io.BytesIO(series.path.read_bytes()))
        copied = pickle.loads(pickle.dumps(dataset))
        np.testing.assert_array_equal(copied.pixel_array, series.volume)

    def test_a_changed_copy_leaves_the_first_alone(self, dataset, series):
        copied = copy.deepcopy(dataset)
        copied.decompress()
        copied.PatientName = "Other"
        assert dataset.PatientName == "Doe^Jane"
        assert dataset["PixelData"].is_lazy
        np.testing.assert_array_equal(copied.pixel_array, series.volume)

    def test_json(self, dataset, series):
        expected = dcmread(series.path, pixel_data="bytes").to_json()
        assert dataset.to_json() == expected
        again = pydicom.Dataset.from_json(dataset.to_json())
        assert again.PixelData == dcmread(series.path, pixel_data="bytes").PixelData

    def test_json_with_bulk_data_elsewhere(self, dataset):
        kept = {}

        def keep(element):
            kept[element.keyword] = element.value
            return f"bulk/{element.keyword}"

        text = dataset.to_json(bulk_data_threshold=1024, bulk_data_element_handler=keep)
        assert json.loads(text)["7FE00010"]["BulkDataURI"] == "bulk/PixelData"
        assert kept["PixelData"] == dataset.PixelData.read()

    @pytest.mark.parametrize("form", ["dataset", "native"])
    def test_saving(self, form, series, request, tmp_path):
        dataset = request.getfixturevalue(form)
        dataset.save_as(tmp_path / "saved.dcm")
        saved = pydicom.dcmread(tmp_path / "saved.dcm")
        assert saved == dataset
        assert saved.file_meta.TransferSyntaxUID == dataset.file_meta.TransferSyntaxUID
        np.testing.assert_array_equal(saved.pixel_array, series.volume)
        expected = open_dicom(series.path, "explicit" if form == "native" else "htj2k").read()
        assert (tmp_path / "saved.dcm").read_bytes() == expected

    def test_decompressing(self, dataset, series, tmp_path):
        dataset.decompress()
        assert dataset.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
        assert dataset.PixelData == series.volume.tobytes()
        dataset.save_as(tmp_path / "saved.dcm")
        saved = pydicom.dcmread(tmp_path / "saved.dcm")
        np.testing.assert_array_equal(saved.pixel_array, series.volume)

    def test_compressing(self, native, series):
        native.compress(RLELossless, encoding_plugin="pydicom")
        assert native.file_meta.TransferSyntaxUID == RLELossless
        np.testing.assert_array_equal(native.pixel_array, series.volume)

    def test_saving_over_the_file_that_is_read(self, dataset, series, tmp_path):
        path = tmp_path / "mine.dcbs"
        path.write_bytes(series.path.read_bytes())
        mine = dcmread(path)
        (tmp_path / "link").symlink_to(path)
        for target in (path, str(path), tmp_path / "link"):
            with pytest.raises(DataConsistencyError, match="another name"):
                mine.save_as(target)
        assert path.read_bytes() == series.path.read_bytes()
        mine.PixelData = dataset.PixelData.read()
        mine.save_as(path)  # nothing is read from it any more
        assert pydicom.dcmread(path) == dataset

    def test_saving_over_it_from_another_folder(self, series, tmp_path, monkeypatch):
        (tmp_path / "below").mkdir()
        path = tmp_path / "mine.dcbs"
        path.write_bytes(series.path.read_bytes())
        monkeypatch.chdir(tmp_path)
        mine = dcmread("mine.dcbs")
        monkeypatch.chdir(tmp_path / "below")
        for dataset in (mine, copy.deepcopy(mine), pickle.loads(pickle.dumps(mine))):
            with pytest.raises(DataConsistencyError, match="another name"):
                dataset.save_as("../mine.dcbs")
        assert path.read_bytes() == series.path.read_bytes()

    def test_saving_over_a_file_that_was_unpacked(self, series, tmp_path):
        path = tmp_path / "x.gz"
        path.write_bytes(gzip.compress(series.path.read_bytes()))
        with gzip.open(path) as file:
            dataset = dcmread(file)
        dataset.save_as(path)  # its bytes are in memory
        np.testing.assert_array_equal(pydicom.dcmread(path).pixel_array, series.volume)

    def test_saving_to_a_file_object(self, dataset, series):
        file = io.BytesIO()
        dataset.save_as(file)
        assert pydicom.dcmread(io.BytesIO(file.getvalue())) == dataset


def frame_range(path, number):
    with dicube_core.open(path) as reader:
        index = reader.container.index
        return index.offsets[number], index.lengths[number]


class TestDamage:
    @pytest.fixture
    def damaged(self, series, tmp_path):
        """A file with one wrong byte in the middle of frame 3."""
        data = bytearray(series.path.read_bytes())
        offset, length = frame_range(series.path, 3)
        data[offset + length // 2] ^= 0x10
        path = tmp_path / "damaged.dcbs"
        path.write_bytes(data)
        return path

    def test_the_error_names_the_frame(self, damaged):
        for read in (pixel_array, list_of_frames, attribute, decompress, value):
            with pytest.raises(ChecksumError, match="frame 3"):
                read(dcmread(damaged))

    def test_so_does_saving(self, damaged, tmp_path):
        with pytest.raises(ChecksumError, match="frame 3"):
            dcmread(damaged).save_as(tmp_path / "saved.dcm")

    def test_so_does_an_uncompressed_image(self, damaged):
        with pytest.raises(ChecksumError, match="frame 3"):
            pixel_array(dcmread(damaged, transfer_syntax="explicit"))

    def test_other_frames_are_read(self, damaged, series):
        dataset = dcmread(damaged)
        with pytest.raises(ChecksumError):
            pixel_array(dataset, index=3)
        for index in (0, 1, 2, 4, 5):
            np.testing.assert_array_equal(pixel_array(dataset, index=index), series.volume[index])

    def test_bytes_are_read_at_once(self, damaged):
        with pytest.raises(ChecksumError, match="frame 3"):
            dcmread(damaged, pixel_data="bytes")

    def test_a_truncated_file(self, series, tmp_path):
        data = series.path.read_bytes()
        for size in (20, 200, len(data) // 2, len(data) - 1):
            path = tmp_path / f"{size}.dcbs"
            path.write_bytes(data[:size])
            with pytest.raises(InvalidCubeFileError):
                pixel_array(dcmread(path))

    def test_a_file_that_is_cut_while_it_is_open(self, series, tmp_path):
        path = tmp_path / "cut.dcbs"
        path.write_bytes(series.path.read_bytes())
        dataset = dcmread(path)
        offset, _ = frame_range(path, 2)
        with path.open("r+b") as file:
            file.truncate(offset + 5)
        with pytest.raises(DicomCubeError):
            pixel_array(dataset)

    @pytest.mark.usefixtures("installed")
    def test_with_the_adapter(self, damaged):
        with pytest.raises(ChecksumError, match="frame 3"):
            pixel_array(pydicom.dcmread(damaged))
        with pytest.raises(ChecksumError, match="frame 3"):
            pixel_array(damaged)
        with pytest.raises(DicomCubeError, match="slice 3"):
            pydicom.dcmread(damaged, frame=3)


def list_of_frames(dataset):
    return list(iter_pixels(dataset))


def attribute(dataset):
    return dataset.pixel_array


def decompress(dataset):
    dataset.decompress()


def value(dataset):
    return dataset.PixelData.read()
