"""Modality values: exact, in the type that holds them, one frame or all."""

from __future__ import annotations

import json
import pickle
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import zstandard
from support.legacy_file import legacy_file, merged_data, volume
from support.metadata_cases import CASES
from support.raw import Node, text
from support.series import Kind, make_series
from support.whole import write_files

import dicube_core
import dicube_core.container.reader as container_reader
from dicube_core.container.sections import parse_json
from dicube_core.exceptions import DataConsistencyError, FrameIndexError, GeometryError
from dicube_core.modality import ModalityTransform, ModalityValues
from dicube_core.pixel_header import PixelDataHeader
from dicube_core.pixels import PixelFormat
from dicube_core.spatial.order import SortMethod

U12 = PixelFormat(4, 4, 16, 12, 0)
U16 = replace(U12, bits_stored=16, high_bit=15)
I16 = replace(U16, pixel_representation=1)
I8_IN_16 = PixelFormat(4, 4, 16, 8, 1)
U8 = PixelFormat(4, 4, 8, 8, 0)
U32 = PixelFormat(4, 4, 32, 32, 0)


@pytest.mark.parametrize(
    ("pixel_format", "slope", "intercept", "expected"),
    [
        (U12, 1, 0, "uint16"),
        (U12, 1, -1024, "int16"),
        (U16, 1, -1024, "int32"),  # 64511 fits no int16
        (I16, 1, 0, "int16"),
        (I16, 1, -1024, "int32"),
        (I8_IN_16, 1, 0, "int16"),  # as it is stored
        (I8_IN_16, 2, 0, "int16"),
        (I8_IN_16, 1, 1, "int16"),
        (I8_IN_16, 1, -0.0, "int16"),
        (U8, 1, 0, "uint8"),
        (U8, 2, 0, "uint16"),
        (U8, -1, 0, "int16"),
        (U12, 0.5, 0, "float64"),
        (U12, 1, 0.25, "float64"),
        (U32, 1, 0, "uint32"),
        (U32, 1, -1, "float64"),  # no 32-bit integer holds it
        (U12, [1, 2, 3], [0, 0, -7000], "int16"),
        (U12, [1, 0.5, 1], 0, "float64"),
    ],
)
def test_the_type_holds_every_value_that_can_be(pixel_format, slope, intercept, expected):
    header = PixelDataHeader(slope, intercept)
    assert ModalityTransform(header, pixel_format).exact_dtype == expected


@pytest.mark.parametrize(
    "given", [(1, 0), (1, -1024), (-3, 7), (0.5, -1024), ([1, 2, 3], [0, -5, 7])]
)
@pytest.mark.parametrize(
    "kind",
    [
        Kind("u16_12", rows=9, columns=7),
        Kind("i16_16", stored=16, signed=True, rows=9, columns=7),
        Kind("u8", 8, 8, rows=9, columns=7),
        Kind("outside", fill="overlay", rows=9, columns=7),
        Kind("unextended", signed=True, fill="unextended", rows=9, columns=7),
    ],
    ids=lambda kind: kind.name,
)
def test_frames_equal_the_reckoning_in_float64(tmp_path, kind, given):
    slope, intercept = given

    def edit(index, nodes):
        for tag, value in ((0x00281053, slope), (0x00281052, intercept)):
            shown = value[index] if isinstance(value, list) else value
            nodes[tag] = text(tag, "DS", str(shown))

    write_files(tmp_path / "s", make_series(3, kind, edit))
    dicube_core.convert(tmp_path / "s", tmp_path / "x.dcbs")
    expected = dicube_core.load(tmp_path / "x.dcbs").get_fdata("float64")
    with dicube_core.open(tmp_path / "x.dcbs") as reader:
        values = ModalityValues(reader)
        assert values.shape == (3, 9, 7)
        assert np.array_equal(values.frames(), expected)
        assert values.frames().dtype == values.dtype
        assert np.array_equal(values.frames([-1, 0]), expected[[2, 0]])
        assert np.array_equal(values.frames(slice(2, 0, -1)), expected[2:0:-1])
        for dtype in ("float32", ">f4", ">f8", values.dtype.newbyteorder()):
            found = values.frames(dtype=dtype)
            assert found.dtype == dtype
            assert np.array_equal(found, expected.astype(dtype))
        assert np.array_equal(values.frame(1), expected[1])
        out = np.full((3, 9, 7), 99, values.dtype)
        assert values.frames(out=out) is out
        assert np.array_equal(out, expected)
        strided = np.zeros((9, 14), values.dtype)[:, ::2]
        assert np.array_equal(values.frame(2, out=strided), expected[2])
        again = pickle.loads(pickle.dumps(values))
        assert np.array_equal(again.frames(), expected)


def test_a_modality_lut_takes_the_place_of_slope_and_intercept(tmp_path):
    kind = Kind("lut", 8, 4, rows=4, columns=4)
    write_files(tmp_path / "s", make_series(4, kind, CASES["modality_lut_per_slice"]))
    dicube_core.convert(tmp_path / "s", tmp_path / "x.dcbs")
    expected = dicube_core.load(tmp_path / "x.dcbs").get_fdata("float64")
    with dicube_core.open(tmp_path / "x.dcbs") as reader:
        values = ModalityValues(reader)
        assert values.dtype == "float64"
        assert not values.is_identity
        assert np.array_equal(values.frames(), expected)
        for dtype in ("float32", ">f4"):
            found = values.frames(dtype=dtype)
            assert found.dtype == dtype
            assert np.array_equal(found, expected.astype(dtype))


def test_a_lut_stays_with_its_frame_whatever_is_done_to_the_metadata(tmp_path):
    kind = Kind("lut", 8, 4, rows=4, columns=4)
    write_files(tmp_path / "s", make_series(4, kind, CASES["modality_lut_per_slice"]))
    dicube_core.convert(tmp_path / "s", tmp_path / "x.dcbs")
    expected = dicube_core.load(tmp_path / "x.dcbs").get_fdata("float64")
    assert not np.array_equal(expected, expected[::-1])
    with dicube_core.open(tmp_path / "x.dcbs") as reader:
        reader.dicom_meta.sort_files(SortMethod.INSTANCE_NUMBER_DESC)
        assert np.array_equal(ModalityValues(reader).frames(), expected)
        reader.dicom_meta.delete_item("ModalityLUTSequence")
        assert np.array_equal(ModalityValues(reader).frames(), expected)
    image = dicube_core.load(tmp_path / "x.dcbs")
    image.dicom_meta.sort_files(SortMethod.INSTANCE_NUMBER_DESC)
    with pytest.raises(DataConsistencyError, match="sorted after the frames"):
        image.get_fdata()


def test_a_sequence_without_a_lut_is_none(tmp_path):
    def edit(_, nodes):
        nodes[0x00283000] = Node(0x00283000, "SQ", ())

    write_files(tmp_path / "s", make_series(2, Kind("ct", rows=4, columns=4), edit))
    dicube_core.convert(tmp_path / "s", tmp_path / "x.dcbs")
    with dicube_core.open(tmp_path / "x.dcbs") as reader:
        values = ModalityValues(reader)
        assert not values.transform.has_lut
        assert values.dtype == "int16"
        assert np.array_equal(values.frames(), reader.frames().astype(int) - 1024)


def refuse_to_parse(data, what, **options):
    if "dicom_meta" in what:
        raise AssertionError(what)
    return parse_json(data, what, **options)


def test_metadata_is_not_parsed_to_see_that_there_is_no_lut(tmp_path, monkeypatch):
    def edit(_, nodes):
        nodes[0x00080005] = text(0x00080005, "CS", "ISO_IR 192")
        nodes[0x00100010] = Node(0x00100010, "PN", "Дое^Zoë^山田".encode())  # escaped in JSON

    write_files(tmp_path / "s", make_series(2, Kind("ct", rows=4, columns=4), edit))
    dicube_core.convert(tmp_path / "s", tmp_path / "x.dcbs")
    monkeypatch.setattr(container_reader, "parse_json", refuse_to_parse)
    for source in (tmp_path / "x.dcbs", legacy_file()):
        with dicube_core.open(source) as reader:
            assert not reader.container.may_have(0x00283000)
    with dicube_core.open(tmp_path / "x.dcbs") as reader:
        assert ModalityValues(reader).dtype == "int16"
        with pytest.raises(AssertionError, match="dicom_meta"):
            reader.dicom_meta.keys()


@pytest.mark.parametrize(
    ("spelled", "encoding"),
    [
        ("0020000E", "utf-8"),
        ("0020000E", "utf-16"),
        ("0020000E", "utf-32-be"),
        ("002\\u003000\\u0030E", "utf-8"),
        ("0020000\\u0045", "utf-8"),
    ],
)
def test_a_tag_is_not_overlooked_however_it_is_spelled(spelled, encoding):
    tags = json.dumps(merged_data(volume())).replace("0020000E", spelled)
    data = zstandard.compress(tags.encode(encoding))
    with dicube_core.open(legacy_file(dicom_meta=data)) as reader:
        assert "0020000E" in reader.container.metadata()
        assert reader.container.may_have(0x0020000E)
        if spelled == "0020000E" and encoding == "utf-8":
            assert not reader.container.may_have(0x0020000D)


def test_no_metadata_has_no_tag():
    with dicube_core.open(legacy_file(dicom_meta=b"")) as reader:
        assert not reader.container.may_have(0x00080060)
        assert reader.dicom_meta is None


def test_what_does_not_fit_is_refused(tmp_path):
    kind = Kind("ct", rows=4, columns=4)
    write_files(tmp_path / "s", make_series(2, kind))
    dicube_core.convert(tmp_path / "s", tmp_path / "x.dcbs")
    with dicube_core.open(tmp_path / "x.dcbs") as reader:
        values = ModalityValues(reader)
        for dtype in ("uint8", "complex128", "object", "bool", "m8[s]"):
            for read in (values.frames, partial(values.frame, 0)):
                with pytest.raises(DataConsistencyError, match="does not hold"):
                    read(dtype=dtype)
        with pytest.raises(DataConsistencyError, match="are needed"):
            values.frames(out=np.empty((1, 4, 4), values.dtype))
        for shape, dtype in (
            ((4, 4), "uint8"),
            ((4, 4), reader.dtype),
            ((3, 4, 4), values.dtype),  # numpy would fill all three
            ((4,), values.dtype),
        ):
            with pytest.raises(DataConsistencyError, match="are needed"):
                values.frame(0, out=np.empty(shape, dtype))
        with pytest.raises(FrameIndexError):
            values.frame(2)


def test_a_series_without_a_grid_says_why_and_what_to_do(tmp_path):
    def edit(index, nodes):
        z = (0.0, 1.0, 5.0)[index]
        nodes[0x00200032] = text(0x00200032, "DS", f"0\\0\\{z}")

    write_files(tmp_path / "s", make_series(3, Kind("ct", rows=4, columns=4), edit))
    dicube_core.convert(tmp_path / "s", tmp_path / "x.dcbs")
    with dicube_core.open(tmp_path / "x.dcbs") as reader:
        assert reader.geometry is None
        with pytest.raises(GeometryError, match="no true affine") as failure:
            reader.require_geometry()
    assert "x.dcbs" in str(failure.value)
    assert "frames()" in failure.value.suggestion
    assert failure.value.details["findings"]
