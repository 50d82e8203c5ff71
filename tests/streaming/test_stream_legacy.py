"""Files of 0.3.0, which hold neither original headers nor checksums, are served repaired."""

import json
from pathlib import Path

import numpy as np
import pytest
import zstandard
from folders import served
from support.compare import flatten, read, stored
from support.legacy_file import legacy_file, merged_data, varying, volume
from support.raw import EXPLICIT_LE
from wire import ALL, HTJ2K, HTJ2K_RPCL, NATIVE, fragment_of, native_pixels, siz, take_apart

import dicube_core
from dicube_core.dataset import uids
from dicube_core.exceptions import StreamingError, TransferSyntaxError
from dicube_core.streaming import DcbStreamingReader

REAL = Path(__file__).parents[3] / "shared/data/ct_heart_10.by_dicube_0_3_0.dcbs"
SOURCE = REAL.with_name("ct_heart_10")


@pytest.fixture
def path(tmp_path):
    (tmp_path / "legacy.dcbs").write_bytes(legacy_file())
    return tmp_path / "legacy.dcbs"


@pytest.mark.parametrize("syntax", [None, HTJ2K, *NATIVE])
def test_description_and_values_are_those_of_the_pixels(path, syntax):
    values = volume()
    for index, data in enumerate(served(path, syntax)):
        part, dataset = take_apart(data), read(data)
        assert part.syntax == (syntax or HTJ2K)
        assert part.text(0x00020012) == uids.IMPLEMENTATION_UID
        assert part.text(0x00020003) == dataset.SOPInstanceUID == f"1.2.3.{index + 1}"
        # The metadata still says 12 bits, unsigned, intercept -1024.
        description = ("BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation")
        assert [dataset[keyword].value for keyword in description] == [16, 16, 15, 1]
        assert (dataset.RescaleSlope, dataset.RescaleIntercept) == (1, 0)
        assert (dataset.Rows, dataset.Columns) == values.shape[1:]
        np.testing.assert_array_equal(stored(data), values[index])
        if part.syntax == HTJ2K:
            assert siz(fragment_of(part)[1]) == (9, 11, 16, True)
        else:
            native_pixels(part, values[index].nbytes)


def with_entry(tag, entry):
    meta = {"_merged_data": merged_data(volume()) | {tag: entry}, "slice_count": 3}
    return legacy_file(dicom_meta=zstandard.compress(json.dumps(meta).encode()))


def test_elements_are_the_same_in_every_form():
    # Where a slice lacks an element, 0.3.0 has a bare "None" among the lists of the others.
    data = with_entry("00181030", varying("LO", [["Chest"], "None", ["Head"]]))
    first = [flatten(read(data)) for data in served(data, EXPLICIT_LE)]
    assert first[1]["(0010,0010)"][2] == "'Doe^Jane'"
    found = [elements.get("(0018,1030)", ("", "", "absent"))[2] for elements in first]
    assert found == ["'Chest'", "absent", "'Head'"]
    for syntax in (HTJ2K, *NATIVE[1:]):
        assert [flatten(read(data)) for data in served(data, syntax)] == first


def test_same_bytes_on_every_call(path):
    assert served(path) == served(path) == served(path.read_bytes())
    with DcbStreamingReader(path) as stream:
        again = [stream.get_dicom_for_frame(2) for _ in range(3)]
    assert set(again) == {served(path)[2]}


def test_rpcl_is_refused(path):
    with pytest.raises(TransferSyntaxError, match="TLM"):
        served(path, HTJ2K_RPCL)


def test_metadata_that_is_wrong_in_one_slice_does_not_keep_the_others_from_being_served():
    data = with_entry("00181030", varying("LO", ["a", {"not": "text"}, "c"]))
    with DcbStreamingReader(data) as stream:
        for index in (0, 2):
            np.testing.assert_array_equal(
                stored(stream.get_dicom_for_frame(index)), volume()[index]
            )
        with pytest.raises(StreamingError, match="slice 1"):
            stream.get_dicom_for_frame(1)


@pytest.mark.skipif(not REAL.exists(), reason="shared data are not here")
@pytest.mark.parametrize("syntax", ALL)
def test_a_real_file(syntax):
    if syntax == HTJ2K_RPCL:
        with pytest.raises(TransferSyntaxError, match="TLM"):
            served(REAL, syntax)
        return
    values = dicube_core.load(REAL).get_fdata()
    sources = [read(path.read_bytes()) for path in sorted(SOURCE.iterdir())]
    by_uid = {source.SOPInstanceUID: source for source in sources}
    for index, data in enumerate(served(REAL, syntax)):
        part, dataset = take_apart(data), read(data)
        source = by_uid.pop(dataset.SOPInstanceUID)
        assert part.syntax == syntax
        slope, intercept = float(dataset.RescaleSlope), float(dataset.RescaleIntercept)
        np.testing.assert_array_equal(stored(data) * slope + intercept, values[index])
        np.testing.assert_array_equal(
            values[index], source.pixel_array * float(source.RescaleSlope) + source.RescaleIntercept
        )
        for keyword in ("ImagePositionPatient", "PatientID", "InstanceNumber", "StudyDate"):
            assert dataset[keyword].value == source[keyword].value
    assert not by_uid
