"""What is encoded comes back, in every decoder that can read it."""

from __future__ import annotations

import numpy as np
import pytest
from codec_samples import bit_range, ct_like
from hypothesis import given, settings
from hypothesis import strategies as st

from dicube_core.codec import OpenJPEGCodec, OpenJPHCodec, parse
from dicube_core.exceptions import CodecUnavailableError, DataConsistencyError
from dicube_core.pixels import DTYPE_BITS, PixelFormat

CODECS = {False: OpenJPHCodec(), True: OpenJPHCodec(tlm=True)}
SECOND = OpenJPEGCodec()
EVERY_DEPTH = [
    pytest.param(allocated, sign, bits, id=f"{'s' if sign else 'u'}{bits}in{allocated}")
    for allocated in (8, 16, 32)
    for sign in (0, 1)
    for bits in range(1, allocated + 1)
]


def assert_round_trip(frame, pixel_format, *, tlm=False):
    codec = CODECS[tlm]
    codestream = codec.encode(frame, pixel_format)
    assert codestream == codec.encode(frame, pixel_format)
    decoded = codec.decode(codestream, pixel_format)
    assert decoded.dtype == pixel_format.dtype
    assert decoded.shape == pixel_format.shape
    assert np.array_equal(decoded, frame)
    try:
        second = SECOND.decode(codestream, pixel_format)
    except CodecUnavailableError:
        assert pixel_format.bits_allocated == 32
    else:
        assert second.dtype == pixel_format.dtype
        assert np.array_equal(second, frame)
    return parse(codestream)


@pytest.mark.parametrize(("allocated", "sign", "bits"), EVERY_DEPTH)
@pytest.mark.parametrize("kind", ["noise", "extremes"])
def test_every_depth(allocated, sign, bits, kind):
    low, high = bit_range(bits, bool(sign))
    rng = np.random.default_rng(bits)
    shape = (21, 34)
    if kind == "noise":
        values = rng.integers(low, high, shape, endpoint=True)
    else:
        values = np.where(np.indices(shape).sum(axis=0) % 2, low, high)
    pixel_format = PixelFormat(*shape, allocated, bits, sign)
    info = assert_round_trip(values.astype(pixel_format.dtype), pixel_format)
    own_depth = bits == allocated or (bits < 8 and allocated < 32)
    assert info.precision == (allocated if own_depth else bits)
    assert info.signed == bool(sign)
    assert (info.reversible, info.ht, info.levels, info.progression) == (True, True, 5, "RPCL")


@pytest.mark.parametrize(("allocated", "sign", "bits"), [(16, 0, 12), (16, 1, 12), (32, 0, 12)])
@pytest.mark.parametrize("side", ["low", "high"])
def test_values_outside_the_stored_bits_are_kept(allocated, sign, bits, side):
    low, high = bit_range(bits, bool(sign))
    pixel_format = PixelFormat(20, 30, allocated, bits, sign)
    frame = np.full((20, 30), high, pixel_format.dtype)
    outside = high + 1 if side == "high" or not sign else low - 1
    assert assert_round_trip(frame, pixel_format).precision == bits
    frame[7, 9] = outside
    assert assert_round_trip(frame, pixel_format).precision == allocated


@pytest.mark.parametrize(
    "shape",
    [(1, 1), (1, 7), (7, 1), (2, 2), (3, 5), (1, 4096), (4096, 1), (3, 4096), (65, 63)],
    ids=str,
)
@pytest.mark.parametrize("dtype", sorted(n for n, (bits, _) in DTYPE_BITS.items() if bits <= 32))
@pytest.mark.parametrize("tlm", [False, True], ids=["plain", "tlm"])
def test_sizes(shape, dtype, tlm):
    frame = ct_like(dtype, shape)
    info = assert_round_trip(frame, PixelFormat.from_dtype(dtype, *shape), tlm=tlm)
    assert (info.rows, info.columns) == shape
    assert info.has_tlm is tlm
    assert len(info.tile_parts) == (6 if tlm else 1)


@st.composite
def frames(draw):
    allocated = draw(st.sampled_from([8, 16, 32]))
    sign = draw(st.integers(0, 1))
    bits = draw(st.integers(1, allocated))
    shape = draw(st.tuples(st.integers(1, 70), st.integers(1, 70)))
    pixel_format = PixelFormat(*shape, allocated, bits, sign)
    low, high = bit_range(draw(st.sampled_from([bits, allocated])), bool(sign))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    kind = draw(st.sampled_from(["noise", "constant", "sparse", "ramp"]))
    if kind == "constant":
        values = np.full(shape, draw(st.integers(low, high)))
    elif kind == "ramp":
        values = np.linspace(low, high, shape[0] * shape[1]).astype(np.int64).reshape(shape)
    else:
        values = rng.integers(low, high, shape, endpoint=True)
        if kind == "sparse":
            values[rng.random(shape) < 0.95] = draw(st.sampled_from([low, high, 0]))
    return values.clip(low, high).astype(pixel_format.dtype), pixel_format


@given(frames(), st.booleans(), st.sampled_from(["plain", "F", "step", "flip", "swapped"]))
@settings(max_examples=120, deadline=None)
def test_any_frame_in_any_layout(sample, tlm, layout):
    frame, pixel_format = sample
    if layout == "F":
        frame = np.asfortranarray(frame)
    elif layout == "step":
        wide = np.zeros((frame.shape[0] * 2, frame.shape[1] * 3), frame.dtype)
        wide[::2, ::3] = frame
        frame = wide[::2, ::3]
    elif layout == "flip":
        frame = frame[::-1, ::-1].copy()[::-1, ::-1]
    elif layout == "swapped":
        frame = frame.astype(frame.dtype.newbyteorder("S"))
    before = frame.copy()
    assert_round_trip(frame, pixel_format, tlm=tlm)
    assert np.array_equal(frame, before)


def test_read_only_frame():
    frame = ct_like("uint16")
    frame.flags.writeable = False
    assert_round_trip(frame, PixelFormat(*frame.shape, 16, 12, 0))


@pytest.mark.parametrize(
    "frame",
    [
        np.zeros((20, 30), "uint16"),
        np.zeros((20, 30), "int32"),
        np.zeros((30, 20), "int16"),
        np.zeros((1, 20, 30), "int16"),
        np.zeros(600, "int16"),
        np.zeros((20, 30), "float32"),
        [[0] * 30] * 20,
    ],
    ids=["sign", "width", "transposed", "3-d", "1-d", "float", "list"],
)
def test_frame_that_does_not_fit_is_refused(frame):
    with pytest.raises(DataConsistencyError):
        OpenJPHCodec().encode(frame, PixelFormat.from_dtype("int16", 20, 30))


@pytest.mark.parametrize("codec", [OpenJPHCodec(), OpenJPEGCodec()], ids=lambda c: c.name)
@pytest.mark.parametrize("bits", [6, 12, 16])
class TestOut:
    def sample(self, bits):
        pixel_format = PixelFormat(40, 50, 16, bits, 0)
        frame = (ct_like("uint16", (40, 50)) & ((1 << bits) - 1)).astype("uint16")
        return frame, pixel_format, OpenJPHCodec().encode(frame, pixel_format)

    def test_is_filled_and_returned(self, codec, bits):
        frame, pixel_format, codestream = self.sample(bits)
        volume = np.full((3, 40, 50), 77, "uint16")
        out = volume[1]
        assert codec.decode(codestream, pixel_format, out=out) is out
        assert np.array_equal(volume[1], frame)
        assert (volume[[0, 2]] == 77).all()

    def test_may_be_unaligned(self, codec, bits):
        frame, pixel_format, codestream = self.sample(bits)
        buffer = bytearray(frame.nbytes + 2)
        out = np.frombuffer(buffer, "uint16", frame.size, offset=1).reshape(frame.shape)
        assert not out.flags.aligned
        codec.decode(codestream, pixel_format, out=out)
        assert np.array_equal(out, frame)

    def test_unfit_is_refused_and_left_alone(self, codec, bits):
        _, pixel_format, codestream = self.sample(bits)
        read_only = np.full((40, 50), 77, "uint16")
        read_only.flags.writeable = False
        unfit = [
            np.full((50, 40), 77, "uint16"),
            np.full((1, 40, 50), 77, "uint16"),
            np.full((40, 50), 77, "int16"),
            np.full((40, 50), 77, "uint32"),
            np.full((40, 50), 77, ">u2"),
            np.full((40, 50), 77, "uint16", order="F"),
            np.full((40, 100), 77, "uint16")[:, ::2],
            read_only,
        ]
        for out in unfit:
            with pytest.raises(DataConsistencyError):
                codec.decode(codestream, pixel_format, out=out)
            assert (out == 77).all()
        with pytest.raises(DataConsistencyError):
            codec.decode(codestream, pixel_format, out=bytearray(4000))


@pytest.mark.parametrize("tlm", [False, True], ids=["plain", "tlm"])
@pytest.mark.parametrize("shape", [(150, 201), (1, 9), (33, 64)], ids=str)
def test_levels(shape, tlm):
    frame = ct_like("uint16", shape)
    pixel_format = PixelFormat(*shape, 16, 12, 0)
    codec = CODECS[tlm]
    codestream = codec.encode(frame, pixel_format)
    assert np.array_equal(codec.decode(codestream, pixel_format, level=0), frame)
    for level in range(1, 6):
        expected = -(-shape[0] // 2**level), -(-shape[1] // 2**level)
        reduced = codec.decode(codestream, pixel_format, level=level)
        assert reduced.shape == expected
        assert reduced.dtype == np.uint16
        out = np.zeros(expected, "uint16")
        codec.decode(codestream, pixel_format, out=out, level=level)
        assert np.array_equal(out, reduced)
        if shape == (150, 201):
            # The low band of the wavelet keeps the local mean.
            assert abs(float(reduced.mean()) - float(frame.mean())) < 40


@pytest.mark.parametrize("level", [-1, 6, 33, 2**31, 2**70])
def test_level_out_of_range(level):
    frame = ct_like()
    pixel_format = PixelFormat.from_dtype("int16", *frame.shape)
    codestream = OpenJPHCodec().encode(frame, pixel_format)
    for codec in (OpenJPHCodec(), OpenJPEGCodec()):
        with pytest.raises(DataConsistencyError, match="levels 0 to 5"):
            codec.decode(codestream, pixel_format, level=level)
        with pytest.raises(TypeError):
            codec.decode(codestream, pixel_format, level=1.0)


def test_second_backend_says_what_it_cannot_do():
    pixel_format = PixelFormat.from_dtype("int32", 20, 30)
    codestream = OpenJPHCodec().encode(ct_like("int32", (20, 30)), pixel_format)
    with pytest.raises(CodecUnavailableError, match="bit planes"):
        SECOND.decode(codestream, pixel_format)
    pixel_format = PixelFormat.from_dtype("int16", 20, 30)
    frame = ct_like("int16", (20, 30))
    with pytest.raises(CodecUnavailableError, match="level"):
        SECOND.decode(OpenJPHCodec().encode(frame, pixel_format), pixel_format, level=1)
    with pytest.raises(CodecUnavailableError, match="encode"):
        SECOND.encode(frame, pixel_format)


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview, lambda b: memoryview(b).cast("b")])
def test_any_buffer_is_decoded(kind):
    frame = ct_like()
    pixel_format = PixelFormat.from_dtype("int16", *frame.shape)
    codestream = kind(OpenJPHCodec().encode(frame, pixel_format))
    for codec in (OpenJPHCodec(), OpenJPEGCodec()):
        assert np.array_equal(codec.decode(codestream, pixel_format), frame)
