"""NaN and infinities in metadata of dicube 0.3.0, which Python's JSON writes, come through."""

from __future__ import annotations

import io
import json
import struct

import pydicom
import pytest
import zstandard
from support.legacy_file import legacy_file, merged_data, shared, varying, volume

import dicube_core
from dicube_core.exceptions import DicomCubeError
from dicube_core.streaming import DcbStreamingReader

NAN, INF = float("nan"), float("inf")
ONE, SEVERAL, SINGLE, NESTED = "00189087", "00189089", "00189073", "00189117"
#: Elements as they are stored, with what each of three slices must hold.
CASES = {
    "shared": ({ONE: shared("FD", NAN)}, [[NAN]] * 3),
    "several": ({SEVERAL: shared("FD", 1.0, INF, -INF)}, [[1.0, INF, -INF]] * 3),
    "varying": ({SINGLE: varying("FL", [1.5, NAN, -INF])}, [[1.5], [NAN], [-INF]]),
    "varying_several": (
        {SEVERAL: varying("FD", [[1.0, NAN, 2.0], [1, 2, 3], [INF, -INF, 0]])},
        [[1.0, NAN, 2.0], [1.0, 2.0, 3.0], [INF, -INF, 0.0]],
    ),
}


def file_of(elements):
    stored = volume()
    meta = {"_merged_data": merged_data(stored) | elements, "slice_count": len(stored)}
    text = json.dumps(meta)
    assert "NaN" in text or "Infinity" in text
    return legacy_file(dicom_meta=zstandard.compress(text.encode()))


def bits(values):
    return [struct.pack("<d", value) for value in values]


def delivered(source, tag):
    with DcbStreamingReader(source) as stream:
        for index in range(3):
            dataset = pydicom.dcmread(io.BytesIO(stream.get_dicom_for_frame(index)))
            value = dataset[int(tag, 16)].value
            yield list(value) if isinstance(value, list | pydicom.multival.MultiValue) else [value]


@pytest.mark.parametrize("name", CASES)
def test_slices_hold_the_values(name):
    elements, expected = CASES[name]
    (tag,) = elements
    found = list(delivered(file_of(elements), tag))
    assert list(map(bits, found)) == list(map(bits, expected))


@pytest.mark.parametrize("name", CASES)
def test_a_copy_holds_them_too(tmp_path, name):
    elements, expected = CASES[name]
    (tag,) = elements
    (tmp_path / "legacy.dcbs").write_bytes(file_of(elements))
    dicube_core.save(dicube_core.load(tmp_path / "legacy.dcbs"), tmp_path / "ours.dcbs")
    found = list(delivered(tmp_path / "ours.dcbs", tag))
    assert list(map(bits, found)) == list(map(bits, expected))


def test_they_are_found_inside_of_sequences():
    item = {ONE: shared("FD", NAN), SEVERAL: varying("FD", [[1.0, NAN], [2.0, INF], [3.0, 4.0]])}
    data = file_of({NESTED: {"vr": "SQ", "shared": None, "Value": [item]}})
    with DcbStreamingReader(data) as stream:
        for index, expected in enumerate(([1.0, NAN], [2.0, INF], [3.0, 4.0])):
            dataset = pydicom.dcmread(io.BytesIO(stream.get_dicom_for_frame(index)))
            (found,) = dataset[int(NESTED, 16)].value
            assert bits([found[int(ONE, 16)].value]) == bits([NAN])
            assert bits(found[int(SEVERAL, 16)].value) == bits(expected)


@pytest.mark.parametrize(
    ("tag", "vr"), [("00200032", "DS"), ("00180050", "DS"), ("00200013", "IS")]
)
def test_where_dicom_has_no_such_number_a_slice_is_an_error_that_names_it(tag, vr):
    data = file_of({tag: shared(vr, NAN), ONE: shared("FD", NAN)})
    with dicube_core.open(data) as reader:
        assert reader.frame(0).shape == (11, 9)
    with DcbStreamingReader(data) as stream, pytest.raises(DicomCubeError) as caught:
        stream.get_dicom_for_frame(0)
    assert f"({tag[:4]},{tag[4:]})" in str(caught.value)
