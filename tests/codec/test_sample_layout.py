"""Uncompressed Pixel Data of every layout, against samples written one by one."""

import numpy as np
import pytest

from dicube_core.exceptions import DataConsistencyError
from dicube_core.pixels import PixelFormat
from dicube_core.sample_layout import array_of_native, is_plain, native_bytes


def colour(photometric="RGB", planar=0, rows=3, columns=4, bits=8):
    return PixelFormat(rows, columns, bits, bits, 0, -1, photometric, 3, planar)


def test_planes():
    frame = np.arange(36, dtype=np.uint8).reshape(3, 4, 3)
    expected = bytes(frame[..., s].tobytes()[i] for s in range(3) for i in range(12))
    assert bytes(native_bytes(frame, colour(planar=1))) == expected
    assert bytes(native_bytes(frame, colour())) == frame.tobytes()
    assert is_plain(colour())
    assert not is_plain(colour(planar=1))


def test_two_pixels_share_their_colour():
    frame = np.array([[[1, 9, 8], [2, 9, 8], [3, 7, 6], [4, 7, 6]]], np.uint8)
    pixel_format = colour("YBR_FULL_422", rows=1)
    assert bytes(native_bytes(frame, pixel_format)) == bytes([1, 2, 9, 8, 3, 4, 7, 6])
    assert pixel_format.native_bits == 8 * 8
    out = np.empty_like(frame)
    array_of_native(bytes([1, 2, 9, 8, 3, 4, 7, 6]), pixel_format, out)
    np.testing.assert_array_equal(out, frame)
    frame[0, 1, 2] = 5
    with pytest.raises(DataConsistencyError, match="share"):
        native_bytes(frame, pixel_format)


def test_frames_of_single_bits_go_on_without_a_gap():
    rng = np.random.default_rng(0)
    frames = rng.integers(0, 2, (5, 3, 3), dtype=np.uint8)
    pixel_format = PixelFormat(3, 3, 1, 1, 0)
    packed = bytes(native_bytes(frames, pixel_format))
    text = "".join(map(str, frames.ravel()))
    assert int(text[::-1], 2) == int.from_bytes(packed, "little")
    assert len(packed) == 6
    out = np.empty_like(frames)
    array_of_native(packed, pixel_format, out)
    np.testing.assert_array_equal(out, frames)
    for number in range(5):
        start = 9 * number
        one = np.empty((3, 3), np.uint8)
        array_of_native(packed[start // 8 :], pixel_format, one, start % 8)
        np.testing.assert_array_equal(one, frames[number])


def test_a_bit_is_0_or_1():
    with pytest.raises(DataConsistencyError, match="not 2"):
        native_bytes(np.full((3, 3), 2, np.uint8), PixelFormat(3, 3, 1, 1, 0))


@pytest.mark.parametrize("bits", [8, 16, 32])
@pytest.mark.parametrize("photometric", ["RGB", "YBR_FULL_422", "MONOCHROME2"])
@pytest.mark.parametrize("planar", [0, 1])
@pytest.mark.parametrize("count", [None, 1, 3])
def test_there_and_back(bits, photometric, planar, count):
    samples = 1 if photometric == "MONOCHROME2" else 3
    if planar and photometric != "RGB":
        planar = 0
    pixel_format = PixelFormat(5, 6, bits, bits, 0, -1, photometric, samples, planar)
    shape = pixel_format.shape if count is None else (count, *pixel_format.shape)
    rng = np.random.default_rng(bits)
    frames = rng.integers(0, 1 << bits, shape).astype(pixel_format.dtype)
    if photometric == "YBR_FULL_422":
        frames[..., 1::2, 1:] = frames[..., 0::2, 1:]
    data = native_bytes(frames, pixel_format)
    assert len(data) * 8 == pixel_format.native_bits * (count or 1)
    out = np.empty_like(frames)
    array_of_native(bytes(data) + b"x", pixel_format, out)
    np.testing.assert_array_equal(out, frames)
    with pytest.raises(DataConsistencyError, match="need"):
        array_of_native(data[:-1], pixel_format, out)


def test_shapes_are_checked():
    with pytest.raises(DataConsistencyError, match="shape"):
        native_bytes(np.zeros((3, 4), np.uint8), colour())
    with pytest.raises(DataConsistencyError, match="bit 3"):
        array_of_native(bytes(36), colour(), np.zeros((3, 4, 3), np.uint8), 3)
