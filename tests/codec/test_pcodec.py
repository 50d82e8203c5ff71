"""The second codec: real values and 64-bit integers, every bit of them, and damage found."""

import numpy as np
import pytest

from dicube_core.codec import FrameCodec, codec_for, get_codec
from dicube_core.exceptions import (
    CodecUnavailableError,
    DataConsistencyError,
    DecodeError,
    EncodeError,
)
from dicube_core.pixels import DTYPE_BITS, REAL_BITS, PixelFormat

CODEC = get_codec("pcodec")
TYPES = ("float32", "float64", "int64", "uint64", "int32", "uint32", "int16", "uint16")


def bits(array):
    return array.view(f"u{array.dtype.itemsize}")


def any_bits(dtype, shape, seed=0):
    """Every pattern of bits may occur: NaN with payloads, subnormal numbers, infinities."""
    width = np.dtype(dtype).itemsize
    top = (1 << 8 * width) - 1
    values = np.random.default_rng(seed).integers(0, top, shape, f"u{width}", endpoint=True)
    return values.view(dtype)


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (9, 1), (33, 65), (300, 1000)], ids=str)
@pytest.mark.parametrize("dtype", TYPES)
def test_every_bit_comes_back(dtype, shape):
    pixel_format = PixelFormat.from_dtype(dtype, *shape)
    for frame in (any_bits(dtype, shape), np.zeros(shape, dtype), np.ones(shape, dtype)):
        data = CODEC.encode(frame, pixel_format)
        assert data == CODEC.encode(np.asfortranarray(frame), pixel_format)
        swapped = frame.astype(frame.dtype.newbyteorder(">"))
        assert data == CODEC.encode(swapped, pixel_format)
        out = np.empty(shape, dtype)
        for source in (data, bytearray(data), memoryview(data)):
            assert CODEC.decode(source, pixel_format, out=out) is out
            np.testing.assert_array_equal(bits(out), bits(frame))
        np.testing.assert_array_equal(bits(CODEC.decode(data, pixel_format)), bits(frame))
        info = CODEC.inspect(data, pixel_format)
        assert (info.rows, info.columns, info.n_bytes) == (*shape, len(data))


@pytest.mark.parametrize("dtype", ["float32", "int64"])
def test_every_damage_is_found(dtype):
    pixel_format = PixelFormat.from_dtype(dtype, 5, 7)
    data = CODEC.encode(any_bits(dtype, (5, 7)), pixel_format)
    for cut in range(len(data)):
        with pytest.raises(DecodeError):
            CODEC.decode(data[:cut], pixel_format)
    with pytest.raises(DecodeError):
        CODEC.decode(data + b"\0", pixel_format)
    for position in range(len(data)):
        for bit in range(8):
            changed = bytearray(data)
            changed[position] ^= 1 << bit
            with pytest.raises(DecodeError):
                CODEC.decode(bytes(changed), pixel_format)


def test_a_stream_of_another_kind_is_refused():
    data = CODEC.encode(np.ones((5, 7), "float32"), PixelFormat.from_dtype("float32", 5, 7))
    for dtype, rows, columns in (("float32", 7, 5), ("int32", 5, 7), ("float64", 5, 7)):
        with pytest.raises(DecodeError, match="description"):
            CODEC.decode(data, PixelFormat.from_dtype(dtype, rows, columns))


def test_a_hostile_stream_with_a_right_checksum_ends_in_an_error_or_in_values():
    import zlib

    pixel_format = PixelFormat.from_dtype("float32", 16, 16)
    data = CODEC.encode(any_bits("float32", (16, 16)), pixel_format)
    rng = np.random.default_rng(5)
    refused = 0
    for _ in range(500):
        stream = bytearray(data[24:])
        for position in rng.integers(0, len(stream), 3):
            stream[position] = rng.integers(0, 256)
        changed = data[:20] + zlib.crc32(stream).to_bytes(4, "little") + bytes(stream)
        try:
            assert CODEC.decode(changed, pixel_format).shape == (16, 16)
        except DecodeError:
            refused += 1
    assert refused


def test_what_it_does_not_do():
    pixel_format = PixelFormat.from_dtype("float32", 5, 7)
    frame = np.ones((5, 7), "float32")
    data = CODEC.encode(frame, pixel_format)
    with pytest.raises(CodecUnavailableError, match="lower resolutions"):
        CODEC.decode(data, pixel_format, level=1)
    with pytest.raises(DataConsistencyError):
        CODEC.encode(frame.astype("float64"), pixel_format)
    with pytest.raises(DataConsistencyError):
        CODEC.decode(data, pixel_format, out=np.empty((7, 5), "float32"))
    with pytest.raises(EncodeError, match="uint8"):
        CODEC.encode(np.ones((5, 7), "uint8"), PixelFormat.from_dtype("uint8", 5, 7))
    assert isinstance(CODEC, FrameCodec)
    assert CODEC.transfer_syntax_uid == ""


def test_the_codec_of_a_format():
    for name, (n_bits, _) in DTYPE_BITS.items():
        expected = "pcodec" if n_bits == 64 else "htj2k"
        assert codec_for(PixelFormat.from_dtype(name, 2, 2)) == expected
    for name in REAL_BITS:
        assert codec_for(PixelFormat.from_dtype(name, 2, 2)) == "pcodec"
    assert codec_for(PixelFormat(2, 2, 1, 1, 0)) == "htj2k"
