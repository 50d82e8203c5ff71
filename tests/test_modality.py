"""Modality values: exact, in the type that holds them, one frame or all."""

from __future__ import annotations

import pickle
from dataclasses import replace

import numpy as np
import pytest
from support.metadata_cases import CASES
from support.raw import text
from support.series import Kind, make_series
from support.whole import write_files

import dicube_core
from dicube_core.exceptions import DataConsistencyError, FrameIndexError, GeometryError
from dicube_core.modality import ModalityTransform, ModalityValues
from dicube_core.pixel_header import PixelDataHeader
from dicube_core.pixels import PixelFormat

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
        assert np.array_equal(values.frames(dtype="float32"), expected.astype("float32"))
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


def test_what_does_not_fit_is_refused(tmp_path):
    kind = Kind("ct", rows=4, columns=4)
    write_files(tmp_path / "s", make_series(2, kind))
    dicube_core.convert(tmp_path / "s", tmp_path / "x.dcbs")
    with dicube_core.open(tmp_path / "x.dcbs") as reader:
        values = ModalityValues(reader)
        with pytest.raises(DataConsistencyError, match="does not hold"):
            values.frames(dtype="uint8")
        with pytest.raises(DataConsistencyError, match="are needed"):
            values.frames(out=np.empty((1, 4, 4), values.dtype))
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
