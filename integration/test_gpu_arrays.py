"""Decoded frames as one tensor of torch: here in the memory of the host, elsewhere of a GPU."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from support.kind_series import Sort, sort_series
from support.raw import text
from support.series import KINDS, make_series, put
from support.whole import write_files

import dicube_core
from dicube_core.modality import ModalityTransform
from dicube_plugins import gpu
from dicube_plugins.gpu._compare import examine_decoder
from dicube_plugins.gpu._frames import decode_with
from dicube_plugins.gpu._modality import modality_of, transform_of
from dicube_plugins.gpu._probed import ProbedDecoder

torch = pytest.importorskip("torch")
sys.path.append(str(Path(__file__).resolve().parents[1] / "tests" / "plugins" / "gpu"))

from stand_in_devices import Right  # noqa: E402 - torch is asked for first


@pytest.fixture(scope="module")
def decoder():
    device = Right()
    return ProbedDecoder(device, gpu.DeviceCapability("stand-in", examine_decoder(device)))


def per_slice(index, nodes):
    put(
        text(0x00281052, "DS", str(index * 0.125 - 3)),
        text(0x00281053, "DS", str(0.3137 + 0.07 * index)),
    )(index, nodes)


def series(folder, files):
    write_files(folder / "source", files)
    dicube_core.convert(folder / "source", folder / "series.dcbs")
    return folder / "series.dcbs"


@pytest.mark.parametrize(
    "name",
    [
        "u8_stored_8",
        "i8_stored_6",
        "u16_stored_8",
        "u16_stored_12",
        "u16_stored_16",
        "i16_stored_8",
        "i16_stored_16",
        "u32_stored_12",
        "u16_outside_stored",
        "i16_unextended",
        "u16_high_bit_13",
    ],
)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_tensors_equal_the_arrays_of_the_cpu(tmp_path, decoder, name, dtype):
    with dicube_core.open(series(tmp_path, make_series(4, KINDS[name], per_slice))) as reader:
        numbers = [2, 0, 3]
        decoded = decode_with(decoder, reader, numbers)
        stored = decoded.torch()
        assert str(stored.dtype) == f"torch.{reader.dtype.name}"
        np.testing.assert_array_equal(stored.numpy(), reader.frames(numbers))
        values = modality_of(decoded, transform_of(reader, dtype), dtype, "torch")
        transform = ModalityTransform.of_reader(reader)
        truth = np.stack([transform.apply(reader.frame(n), n, dtype) for n in numbers])
        np.testing.assert_array_equal(values.numpy(), truth)
        np.testing.assert_array_equal(torch.from_dlpack(decoded).numpy(), reader.frames(numbers))


def test_colour(tmp_path, decoder):
    with dicube_core.open(series(tmp_path, sort_series(Sort("rgb16", "uint16")))) as reader:
        tensor = decode_with(decoder, reader).torch()
        np.testing.assert_array_equal(tensor.numpy(), reader.frames())
