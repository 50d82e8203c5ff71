"""Other encodings of a data set say the same, with the same bytes of every value."""

from __future__ import annotations

import copy
import zlib
from struct import pack

import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from meta_samples import (
    CUT,
    EXPLICIT_LITTLE,
    IMPLICIT_LITTLE,
    bundled,
    explicit,
    from_bytes,
    implicit,
    item,
    slice_dataset,
    to_bytes,
)

import dicube_core.dataset.transcode as module
from dicube_core.dataset.elements import EXPLICIT_BIG, walk
from dicube_core.dataset.json_model import dataset_to_json
from dicube_core.dataset.transcode import (
    big_to_little,
    explicit_to_implicit,
    implicit_to_explicit,
    inflate,
)
from dicube_core.exceptions import MetaDataError
from dicube_core.settings import Limits

UNDEFINED = b"\xff\xff\xff\xff"
ITEM = b"\xfe\xff\x00\xe0"
ITEM_END = b"\xfe\xff\x0d\xe0\0\0\0\0"
SEQUENCE_END = b"\xfe\xff\xdd\xe0\0\0\0\0"


def without_binary(model):
    """Binary values are not comparable between byte orders."""
    return {
        key: {"vr": "SQ", "Value": [without_binary(one) for one in element["Value"]]}
        if element["vr"] == "SQ"
        else {k: v for k, v in element.items() if k != "InlineBinary"}
        for key, element in model.items()
    }


@pytest.mark.filterwarnings("ignore")
def test_bundled_big_endian_files():
    compared = 0
    for name, dataset, data, encoding in bundled():
        if not encoding.big_endian:
            continue
        little = big_to_little(data)
        assert len(little) == len(data)
        assert without_binary(dataset_to_json(little)) == without_binary(
            dataset_to_json(data, EXPLICIT_BIG)
        ), name
        again = from_bytes(little)
        if "PixelData" in dataset:
            is_words = again["PixelData"].VR == "OW"
            width = max(dataset.BitsAllocated // 8, 2) if is_words else 1
            cells = range(0, len(dataset.PixelData), width)
            swapped = b"".join(dataset.PixelData[i : i + width][::-1] for i in cells)
            assert again.PixelData == swapped, name
        compared += 1
    assert compared >= 5


@pytest.mark.filterwarnings("ignore")
def test_bundled_implicit_files():
    compared = 0
    for name, dataset, data, encoding in bundled():
        if encoding.explicit or name == "rtplan_truncated.dcm":
            continue
        converted = implicit_to_explicit(data)
        assert dataset_to_json(converted) == dataset_to_json(data, IMPLICIT_LITTLE), name
        assert explicit_to_implicit(converted) == data, name
        again = from_bytes(converted)
        for element in dataset:
            if element.tag.element == 0:
                continue
            assert again[element.tag].VR == element.VR, (name, element.tag)
            assert again[element.tag].value == element.value, (name, element.tag)
        compared += 1
    assert compared >= 10


def test_bundled_explicit_files_keep_their_values():
    compared = 0
    for name, _, data, encoding in bundled():
        if encoding.big_endian or not encoding.explicit:
            continue
        try:
            converted = explicit_to_implicit(data)
        except MetaDataError:
            assert name in CUT | {"DICOMDIR-nooffset"}
            continue
        old, new = _values(data, EXPLICIT_LITTLE), _values(converted, IMPLICIT_LITTLE)
        assert old == new, name
        back = _values(implicit_to_explicit(converted), EXPLICIT_LITTLE)
        assert back == old, name
        compared += 1
    assert compared > 50


def _values(data, encoding):
    """Raw values of the elements that are neither sequences nor group lengths."""
    return [
        (e.tag, data[e.value : e.value_stop])
        for e in walk(data, encoding)
        if e.value_stop > e.value and e.tag & 0xFFFF and not _holds_items(data, e)
    ]


def _holds_items(data, element):
    return data[element.value : element.value + 4] == ITEM and element.tag != 0x7FE00010


def test_against_pydicoms_writer():
    dataset = slice_dataset(3, SmallestImagePixelValue=5)
    dataset.add_new(0x00280106, "US", 5)
    dataset.add_new(0x00189087, "FD", [1.5, -2.5])
    dataset.add_new(0x00082208, "CS", "A")
    dataset.add_new(0x00281101, "US", [256, 0, 16])
    dataset.add_new(0x00200062, "CS", "L")
    dataset.add_new(0x00280009, "AT", [0x00181063, 0x00181065])
    little = to_bytes(dataset)
    assert big_to_little(to_bytes(copy.deepcopy(dataset), EXPLICIT_BIG)) == little
    implicit_data = to_bytes(copy.deepcopy(dataset), IMPLICIT_LITTLE)
    assert implicit_to_explicit(implicit_data) == little
    assert explicit_to_implicit(little) == implicit_data


@pytest.mark.parametrize(
    ("vr", "code"),
    [
        *(
            ("US", "H"),
            ("SS", "h"),
            ("UL", "I"),
            ("SL", "i"),
            ("FL", "f"),
            ("FD", "d"),
            ("UV", "Q"),
        ),
        *(
            ("SV", "q"),
            ("OW", "H"),
            ("OL", "I"),
            ("OF", "f"),
            ("OD", "d"),
            ("OV", "Q"),
            ("AT", "H"),
        ),
    ],
)
def test_byte_order_of_each_vr(vr, code):
    values = [1, 2, 3, 4]
    big = explicit(0x00091010, vr, pack(f">4{code}", *values), ">")
    assert big_to_little(big) == explicit(0x00091010, vr, pack(f"<4{code}", *values))


@pytest.mark.parametrize("vr", ["OB", "UN", "LO", "UT"])
def test_bytes_without_order(vr):
    assert big_to_little(explicit(0x00091010, vr, b"abcd", ">")) == explicit(
        0x00091010, vr, b"abcd"
    )


def test_odd_number_of_bytes_cannot_be_swapped():
    with pytest.raises(MetaDataError, match=r"\(0028,0010\) at byte 0 has 3 bytes"):
        big_to_little(explicit(0x00280010, "US", b"abc", ">"))


def test_big_endian_sequences_of_both_kinds():
    for undefined in (False, True):

        def sequence(mark, undefined=undefined):
            rows = explicit(0x00280010, "US", pack(mark + "H", 3), mark)
            length = 0xFFFFFFFF if undefined else len(rows)
            content = pack(mark + "HHI", 0xFFFE, 0xE000, length) + rows
            if undefined:
                content += pack(mark + "HHI", 0xFFFE, 0xE00D, 0)
                head = pack(mark + "HH2sHI", 0x0008, 0x1140, b"SQ", 0, 0xFFFFFFFF)
                return head + content + pack(mark + "HHI", 0xFFFE, 0xE0DD, 0)
            return explicit(0x00081140, "SQ", content, mark)

        assert big_to_little(sequence(">")) == sequence("<")


def test_undefined_lengths_keep_their_delimiters():
    inner = implicit(0x00081150, b"1.2\0")
    data = (
        pack("<HH", 0x0008, 0x1140) + UNDEFINED + ITEM + UNDEFINED + inner + ITEM_END + SEQUENCE_END
    )
    converted = implicit_to_explicit(data)
    assert converted == (
        pack("<HH2sH", 0x0008, 0x1140, b"SQ", 0) + UNDEFINED + ITEM + UNDEFINED
        + explicit(0x00081150, "UI", b"1.2\0") + ITEM_END + SEQUENCE_END
    )  # fmt: skip
    assert explicit_to_implicit(converted) == data


def test_unknown_elements_become_un():
    data = implicit(0x00131010, b"abcd") + implicit(0x00091001, b"ab")
    assert implicit_to_explicit(data) == explicit(0x00131010, "UN", b"abcd") + explicit(
        0x00091001, "UN", b"ab"
    )


def test_private_elements_by_their_creator():
    data = implicit(0x00110010, b"GEMS_PATI_01") + implicit(0x00111010, b"\1\0")
    assert implicit_to_explicit(data)[-10:-2] == pack("<HH2sH", 0x0011, 0x1010, b"SS", 2)


def test_ambiguous_vrs_by_context():
    def vr_of(sign):
        data = implicit(0x00280103, pack("<H", sign)) + implicit(0x00280106, b"\1\0")
        return from_bytes(implicit_to_explicit(data))[0x00280106].VR

    assert (vr_of(0), vr_of(1)) == ("US", "SS")


def test_values_too_long_for_their_vr_become_un():
    value = b"1\\" * 40_000 + b"11"
    converted = implicit_to_explicit(implicit(0x00281052, value))
    assert converted == explicit(0x00281052, "UN", value)
    assert explicit_to_implicit(converted) == implicit(0x00281052, value)


def test_malformed_sequence_becomes_un():
    data = implicit(0x00081140, b"no items here!")
    assert implicit_to_explicit(data) == explicit(0x00081140, "UN", b"no items here!")


def test_group_lengths_are_counted_anew():
    group = implicit(0x00080060, b"CT") + implicit(0x00081140, item(implicit(0x00081150, b"1.2\0")))
    data = implicit(0x00080000, pack("<I", len(group))) + group
    converted = implicit_to_explicit(data)
    length, rest = converted[8:12], converted[12:]
    assert length == pack("<I", len(rest))
    assert explicit_to_implicit(converted) == data


def test_group_length_of_pixels_that_are_elsewhere_stays():
    data = implicit(0x7FE00000, pack("<I", 4711))
    assert implicit_to_explicit(data)[-4:] == pack("<I", 4711)


def test_encapsulated_pixels_are_copied():
    fragments = ITEM + pack("<I", 0) + ITEM + pack("<I", 4) + b"\xff\x4f\xff\x51"
    data = pack("<HH2sH", 0x7FE0, 0x0010, b"OB", 0) + UNDEFINED + fragments + SEQUENCE_END
    converted = explicit_to_implicit(data)
    assert converted == pack("<HH", 0x7FE0, 0x0010) + UNDEFINED + fragments + SEQUENCE_END
    assert implicit_to_explicit(converted) == data


def test_inflate():
    data = to_bytes(slice_dataset(1))
    packer = zlib.compressobj(wbits=-15)
    packed = packer.compress(data) + packer.flush()
    assert inflate(packed) == data
    assert inflate(packed + b"\0") == data
    for broken in (packed[:-1], b"", b"\xff" + packed, packed + b"x"):
        with pytest.raises(MetaDataError, match="deflated"):
            inflate(broken)


def test_inflate_stops_bombs(monkeypatch):
    monkeypatch.setattr(module, "get_limits", lambda: Limits(metadata_bytes=1000))
    packer = zlib.compressobj(wbits=-15)
    with pytest.raises(MetaDataError, match="more than the limit metadata_bytes of 1000 bytes"):
        inflate(packer.compress(bytes(1001)) + packer.flush())
    packer = zlib.compressobj(wbits=-15)
    assert len(inflate(packer.compress(bytes(1000)) + packer.flush())) == 1000


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=60))
def test_garbage_raises_only_our_error(data):
    for function in (big_to_little, implicit_to_explicit, explicit_to_implicit, inflate):
        try:
            function(data)
        except MetaDataError:
            continue


def test_pydicom_reads_the_result():
    path = pydicom.data.get_testdata_file("CT_small.dcm", download=False)
    dataset = pydicom.dcmread(path)
    data = next(d for n, _, d, _ in bundled() if n == "CT_small.dcm")
    again = from_bytes(explicit_to_implicit(data), IMPLICIT_LITTLE)
    assert again.PixelData == dataset.PixelData
    assert again.PatientName == dataset.PatientName
