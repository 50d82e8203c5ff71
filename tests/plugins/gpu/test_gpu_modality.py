"""Slope and intercept of each frame, reckoned on the device as on the CPU."""

from __future__ import annotations

import numpy as np
import pytest
from kind_files import file_of
from support.kind_series import Sort
from support.raw import Node, text, us
from support.series import KINDS, put

import dicube_core
from dicube_core.exceptions import DataConsistencyError, UnsupportedKindError
from dicube_core.modality import ModalityTransform
from dicube_plugins.gpu._frames import decode_with
from dicube_plugins.gpu._modality import modality_of, transform_of


def per_slice(index, nodes):
    put(
        text(0x00281052, "DS", str(index * 0.125 - 3)),
        text(0x00281053, "DS", str(0.3137 + 0.07 * index)),
    )(index, nodes)


def whole(index, nodes):
    put(text(0x00281052, "DS", "-1024"), text(0x00281053, "DS", "1"))(index, nodes)


def truth_of(reader, numbers, dtype):
    transform = ModalityTransform.of_reader(reader)
    return np.stack([transform.apply(reader.frame(n), n, dtype) for n in numbers])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("edit", [None, per_slice, whole], ids=["none", "per_slice", "whole"])
@pytest.mark.parametrize(
    "name",
    [
        "u16_stored_12",
        "i16_stored_16",
        "i8_stored_6",
        "u16_outside_stored",
        "i16_unextended",
        "i16_high_bit_15",
        "u16_high_bit_13",
        "u8_outside_stored",
    ],
)
def test_every_value_is_that_of_the_cpu(make_pair, make_probed, name, edit, dtype):
    _, path = make_pair(KINDS[name], edit)
    with dicube_core.open(path) as reader:
        numbers = [4, 0, 2]
        decoded = decode_with(make_probed(), reader, numbers)
        found = modality_of(decoded, transform_of(reader, dtype), dtype)
        assert found.dtype == dtype
        np.testing.assert_array_equal(found, truth_of(reader, numbers, dtype))
        np.testing.assert_array_equal(decoded.numpy(), reader.frames(numbers))


def test_colour_has_no_slope(tmp_path, make_probed):
    with dicube_core.open(file_of(Sort("rgb"), tmp_path)) as reader:
        decoded = decode_with(make_probed(), reader)
        found = modality_of(decoded, transform_of(reader, "float32"), "float32")
        np.testing.assert_array_equal(found, reader.frames().astype("f4"))


def test_a_lut_is_refused_by_name(make_pair):
    item = [
        us(0x00283002, 4096, 0, 16),
        text(0x00283004, "LO", "US"),
        Node(0x00283006, "OW", np.arange(4096, dtype="<u2").tobytes()),
    ]
    lut = Node(0x00283000, "SQ", [item])
    _, path = make_pair(KINDS["u16_stored_12"], put(lut))
    with (
        dicube_core.open(path) as reader,
        pytest.raises(UnsupportedKindError, match="Modality LUT, which is not applied on"),
    ):
        transform_of(reader, "float32")


def test_other_types_are_refused(series_file):
    with (
        dicube_core.open(series_file) as reader,
        pytest.raises(DataConsistencyError, match="dtype must be"),
    ):
        transform_of(reader, "float16")
