"""Colour through HTJ2K: with the reversible colour transform for RGB, without it for others."""

import numpy as np
import pytest
from codec_samples import header_positions

from dicube_core.codec import OpenJPEGCodec, OpenJPHCodec, parse
from dicube_core.exceptions import DataConsistencyError, DecodeError
from dicube_core.pixels import PixelFormat


def colour(photometric="RGB", rows=33, columns=46, bits=8, sign=0):
    return PixelFormat(rows, columns, bits, bits, sign, -1, photometric, 3)


def noise(pixel_format, seed=0):
    info = np.iinfo(pixel_format.dtype)
    rng = np.random.default_rng(seed)
    shape = pixel_format.shape
    return rng.integers(info.min, info.max, shape, pixel_format.dtype, endpoint=True)


@pytest.mark.parametrize("size", [(1, 2), (33, 46), (7, 2), (1, 1000), (130, 4)], ids=str)
@pytest.mark.parametrize("photometric", ["RGB", "YBR_FULL", "YBR_FULL_422"])
@pytest.mark.parametrize("bits", [8, 16, 32])
@pytest.mark.parametrize("sign", [0, 1])
@pytest.mark.parametrize("tlm", [False, True])
def test_round_trip(size, photometric, bits, sign, tlm):
    pixel_format = colour(photometric, *size, bits, sign)
    codec = OpenJPHCodec(tlm=tlm)
    for frame in (noise(pixel_format), np.zeros(pixel_format.shape, pixel_format.dtype)):
        data = codec.encode(frame, pixel_format)
        assert data == codec.encode(np.asfortranarray(frame), pixel_format)
        np.testing.assert_array_equal(codec.decode(data, pixel_format), frame)
        out = np.empty_like(frame)
        assert codec.decode(data, pixel_format, out=out) is out
        np.testing.assert_array_equal(out, frame)
        coding = parse(data).coding
        assert (coding.components, coding.precision, coding.signed) == (3, bits, bool(sign))
        assert coding.colour_transform == (photometric == "RGB")
        if bits < 32:
            other = OpenJPEGCodec().decode(data, pixel_format)
            np.testing.assert_array_equal(other, frame)


@pytest.mark.parametrize("photometric", ["RGB", "YBR_FULL"])
@pytest.mark.parametrize("level", [1, 3, 5])
def test_lower_resolutions(photometric, level):
    pixel_format = colour(photometric)
    data = OpenJPHCodec().encode(noise(pixel_format), pixel_format)
    shape = (-(-33 >> level), -(-46 >> level), 3)
    found = OpenJPHCodec().decode(data, pixel_format, level=level)
    assert found.shape == shape
    assert found.flags.c_contiguous
    out = np.empty(shape, np.uint8)
    np.testing.assert_array_equal(OpenJPHCodec().decode(data, pixel_format, out, level), found)


def test_constant_colour_stays_what_it_is_at_every_resolution():
    pixel_format = colour()
    frame = np.broadcast_to(np.array([200, 30, 90], np.uint8), pixel_format.shape)
    data = OpenJPHCodec().encode(frame, pixel_format)
    for level in range(6):
        found = OpenJPHCodec().decode(data, pixel_format, level=level)
        assert (found == [200, 30, 90]).all()


@pytest.mark.parametrize("codec", [OpenJPHCodec(), OpenJPEGCodec()])
def test_the_transform_must_be_that_of_the_photometric_interpretation(codec):
    rgb, ybr = colour(), colour("YBR_FULL")
    for encoded, other in ((rgb, ybr), (ybr, rgb)):
        data = OpenJPHCodec().encode(noise(encoded), encoded)
        with pytest.raises(DecodeError, match="colour transform"):
            codec.decode(data, other)
    grey = PixelFormat(33, 46, 8, 8, 0)
    data = OpenJPHCodec().encode(noise(rgb), rgb)
    with pytest.raises(DecodeError, match="component"):
        codec.decode(data, grey)
    data = OpenJPHCodec().encode(noise(grey), grey)
    with pytest.raises(DecodeError, match="component"):
        codec.decode(data, rgb)


@pytest.mark.parametrize("photometric", ["RGB", "YBR_FULL"])
def test_no_flipped_bit_of_the_header_gives_other_values(photometric):
    pixel_format = colour(photometric)
    frame = noise(pixel_format)
    data = OpenJPHCodec().encode(frame, pixel_format)
    refused = 0
    for position in header_positions(data):
        for bit in range(8):
            changed = bytearray(data)
            changed[position] ^= 1 << bit
            try:
                found = OpenJPHCodec().decode(bytes(changed), pixel_format)
            except DecodeError:
                refused += 1
            else:
                np.testing.assert_array_equal(found, frame)
    assert refused > 500


def test_frames_of_another_shape_are_refused():
    with pytest.raises(DataConsistencyError, match="shape"):
        OpenJPHCodec().encode(np.zeros((33, 46), np.uint8), colour())
    with pytest.raises(DataConsistencyError, match="shape"):
        OpenJPHCodec().encode(np.zeros((3, 33, 46), np.uint8), colour())
