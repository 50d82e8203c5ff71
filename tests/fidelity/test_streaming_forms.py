"""Both forms of every served slice are DICOM files that pydicom reads to the same values."""

import io
import threading

import numpy as np
import pydicom
import pytest
from support.compare import read, stored
from support.encodings import compressed_series
from support.raw import EXPLICIT_LE, IMPLICIT_LE
from support.series import KINDS, Kind, make_series
from support.whole import write_files

import dicube_core
from dicube_core.exceptions import (
    DicomCubeError,
    FrameIndexError,
    ReaderClosedError,
    TransferSyntaxError,
)
from dicube_core.streaming import DcbStreamingReader

HTJ2K = "1.2.840.10008.1.2.4.201"


def converted(tmp_path, files):
    source = write_files(tmp_path / "source", files)
    dicube_core.convert(source, tmp_path / "x.dcbs")
    return tmp_path / "x.dcbs"


@pytest.mark.parametrize("name", ["u16_stored_12", "i16_stored_16", "u8_stored_8", "u16_mono1"])
@pytest.mark.parametrize("syntax", [EXPLICIT_LE, IMPLICIT_LE])
def test_file_meta_and_pixels(name, syntax, tmp_path):
    kind = KINDS[name]
    path = converted(tmp_path, make_series(3, kind, syntax=syntax))
    with DcbStreamingReader(path) as stream:
        assert stream.transfer_syntax_uid == HTJ2K
        for index in range(3):
            for plain, expected in ((False, HTJ2K), (True, syntax)):
                data = stream.get_dicom_for_frame(index, plain)
                dataset = pydicom.dcmread(io.BytesIO(data))  # not forced: a Part 10 file
                assert dataset.file_meta.TransferSyntaxUID == expected
                assert dataset.file_meta.MediaStorageSOPInstanceUID == dataset.SOPInstanceUID
                assert dataset.PhotometricInterpretation == kind.photometric
                assert dataset.BitsStored == kind.stored
                np.testing.assert_array_equal(dataset.pixel_array, kind.frame(index))
                length = dataset.file_meta.FileMetaInformationGroupLength
                assert data[144 + length : 146 + length] == b"\x08\0"  # group 0008 comes next


@pytest.mark.parametrize(
    "name", ["u16_outside_stored", "i16_unextended", "i16_high_bit_15", "u8_outside_stored"]
)
def test_bits_beside_the_pixel_are_no_part_of_it_in_any_form(name, tmp_path):
    kind = KINDS[name]
    files = make_series(3, kind)
    path = converted(tmp_path, files)
    with DcbStreamingReader(path) as stream:
        for index in range(3):
            source = files[f"IM{index:04d}.dcm"]
            for plain in (False, True):
                data = stream.get_dicom_for_frame(index, plain)
                np.testing.assert_array_equal(stored(data), stored(source))
                assert read(data).PixelData == read(source).PixelData
            with pytest.raises(TransferSyntaxError):
                stream.get_dicom_for_frame(index, transfer_syntax=HTJ2K)
    image = dicube_core.load(path)
    words = np.stack([kind.frame(index) for index in range(3)]).astype("i8")
    np.testing.assert_array_equal(image.raw_image, words)
    # The definition of PS3.5 8.1.1, bit by bit.
    values = words >> (kind.high_bit + 1 - kind.stored) & ((1 << kind.stored) - 1)
    if kind.signed:
        values -= (values >> (kind.stored - 1)) << kind.stored
    np.testing.assert_array_equal(image.get_fdata("float64"), values - 1024.0)


@pytest.mark.parametrize("name", ["u32_stored_32", "i32_stored_17"])
def test_depths_that_few_decoders_read_are_served_uncompressed(name, tmp_path):
    path = converted(tmp_path, make_series(2, KINDS[name]))
    with DcbStreamingReader(path) as stream:
        for index in range(2):
            data = stream.get_dicom_for_frame(index)
            np.testing.assert_array_equal(stored(data), KINDS[name].frame(index))


def test_constructor_and_call_choose_the_form(tmp_path):
    path = converted(tmp_path, make_series(2))
    with (
        DcbStreamingReader(path) as stream,
        DcbStreamingReader(path, force_uncompressed=True) as plain,
    ):
        assert plain.get_dicom_for_frame(0) == stream.get_dicom_for_frame(0, True)
        assert plain.get_dicom_for_frame(0, False) == stream.get_dicom_for_frame(0)
        assert plain.get_dicom_for_frame(0) != stream.get_dicom_for_frame(0)


def test_nothing_is_served_outside_the_file_or_after_close(tmp_path):
    path = converted(tmp_path, make_series(2))
    stream = DcbStreamingReader(path)
    for index in (-1, 2, 10**9):
        with pytest.raises(FrameIndexError):
            stream.get_dicom_for_frame(index)
    stream.close()
    stream.close()
    with pytest.raises(ReaderClosedError):
        stream.get_dicom_for_frame(0)


def test_threads_get_what_one_gets(tmp_path):
    path = converted(tmp_path, make_series(8, Kind("ct", rows=64, columns=64)))
    with DcbStreamingReader(path) as stream:
        expected = [stream.get_dicom_for_frame(i, i % 2 == 0) for i in range(8)]
    problems = []
    with DcbStreamingReader(path, cache_size=2) as stream:

        def work(start):
            for step in range(40):
                index = (start + step * 3) % 8
                if stream.get_dicom_for_frame(index, index % 2 == 0) != expected[index]:
                    problems.append(index)

        threads = [threading.Thread(target=work, args=(n,)) for n in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert stream.get_cache_stats()["cached_frames"] <= 2
    assert problems == []


def test_lossy_sources_are_not_passed_off_as_lossless(tmp_path):
    path = converted(tmp_path, compressed_series("htj2k_lossy"))
    with DcbStreamingReader(path) as stream, dicube_core.open(path) as reader:
        for index in range(3):
            data = stream.get_dicom_for_frame(index)
            assert read(data).file_meta.TransferSyntaxUID == HTJ2K
            np.testing.assert_array_equal(stored(data), reader.frame(index))


def test_a_file_without_dicom_metadata_serves_nothing(tmp_path):
    from dicube_core.pixel_header import PixelDataHeader

    array = np.arange(60, dtype=np.uint16).reshape(2, 6, 5)
    image = dicube_core.DicomCubeImage(array, PixelDataHeader(PixelDtype="uint16"))
    dicube_core.save(image, tmp_path / "x.dcbs")
    with (
        DcbStreamingReader(tmp_path / "x.dcbs") as stream,
        pytest.raises(DicomCubeError, match="init_meta"),
    ):
        stream.get_dicom_for_frame(0)
    image.init_meta(modality="CT", patient_name="A^B", patient_id="7")
    dicube_core.save(image, tmp_path / "x.dcbs")
    with DcbStreamingReader(tmp_path / "x.dcbs") as stream:
        dataset = read(stream.get_dicom_for_frame(1))
        assert (dataset.PatientID, dataset.Modality) == ("7", "CT")
        np.testing.assert_array_equal(dataset.pixel_array, array[1])
