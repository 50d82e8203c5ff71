"""Lower resolutions: what the wavelet says, within the depth, and never of what is no number."""

from __future__ import annotations

import numpy as np
import pytest

from dicube_core.codec.openjph import OpenJPHCodec
from dicube_core.exceptions import DataConsistencyError
from dicube_core.pixels import PixelFormat

CODEC = OpenJPHCodec()
#: bits stored, bits allocated, signed
DEPTHS = [(8, 8, 0), (8, 8, 1), (12, 16, 0), (12, 16, 1), (14, 16, 0), (16, 16, 0), (16, 16, 1)]
DEPTHS += [(20, 32, 0), (24, 32, 1), (28, 32, 1), (29, 32, 0)]
SIZES = [(64, 48), (33, 37), (7, 64), (1, 40), (40, 1), (5, 3)]


def low_pass(values: np.ndarray) -> np.ndarray:
    """Return the low-pass half of the reversible 5/3 along axis 0 (ITU-T T.800 F.4.8.1)."""
    count = len(values)
    if count == 1:
        return values

    def at(index: int) -> np.ndarray:  # mirrored at the ends
        index = abs(index) % (2 * (count - 1))
        return values[min(index, 2 * (count - 1) - index)]

    def high(k: int) -> np.ndarray:
        return at(2 * k + 1) - ((at(2 * k) + at(2 * k + 2)) >> 1)

    halved = range(-(-count // 2))
    return np.stack([at(2 * k) + ((high(k - 1) + high(k) + 2) >> 2) for k in halved])


def expected_level(frame: np.ndarray, level: int, low: int, top: int) -> np.ndarray:
    half = 0 if low < 0 else (top + 1) // 2
    values = frame.astype(np.int64) - half
    for _ in range(level):
        values = np.moveaxis(low_pass(np.moveaxis(low_pass(values), 1, 0)), 0, 1)
    return np.clip(values + half, low, top)


def described(rows, columns, stored, allocated, signed, photometric="MONOCHROME2", samples=1):
    return PixelFormat(
        rows, columns, allocated, stored, signed, stored - 1, photometric, samples, 0, False
    )


def extremes(fmt: PixelFormat, low: int, top: int, seed: int = 0) -> np.ndarray:
    """Blots of the lowest and the highest value: the filter overshoots at their edges."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 2, (-(-fmt.rows // 3), -(-fmt.columns // 3), *fmt.shape[2:]))
    blots = np.repeat(np.repeat(coarse, 3, 0), 3, 1)[: fmt.rows, : fmt.columns]
    return np.where(blots, top, low).astype(fmt.dtype)


def bounds(stored: int, signed: int) -> tuple[int, int]:
    low = -(1 << (stored - 1)) if signed else 0
    return low, low + (1 << stored) - 1


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("depth", DEPTHS, ids=str)
def test_overshoot_is_clipped_and_never_wraps_around(depth, size):
    fmt = described(*size, *depth)
    low, top = bounds(depth[0], depth[2])
    frame = extremes(fmt, low, top)
    codestream = CODEC.encode(frame, fmt)
    for level in range(1, CODEC.inspect(codestream, fmt).levels + 1):
        told = expected_level(frame, level, low, top)
        found = CODEC.decode(codestream, fmt, level=level)
        assert found.dtype == fmt.dtype
        np.testing.assert_array_equal(found, told)
        out = np.empty(told.shape, fmt.dtype)
        assert CODEC.decode(memoryview(codestream), fmt, out=out, level=level) is out
        np.testing.assert_array_equal(out, told)


@pytest.mark.parametrize("photometric", ["RGB", "YBR_FULL"])
def test_colour_is_clipped_too(photometric):
    fmt = described(48, 33, 8, 8, 0, photometric, 3)
    frame = extremes(fmt, 0, 255, seed=1)
    codestream = CODEC.encode(frame, fmt)
    found = CODEC.decode(codestream, fmt, level=1)
    assert found.dtype == np.uint8
    planes = [expected_level(frame[..., s], 1, 0, 255) for s in range(3)]
    # The reversible colour transform rounds each pixel; without it nothing does.
    most = 2 if photometric == "RGB" else 0
    assert np.abs(found.astype(int) - np.stack(planes, -1)).max() <= most


@pytest.mark.parametrize("level", [1, 3])
def test_words_with_something_else_in_spare_bits_are_thinned_out(level):
    fmt = described(40, 37, 12, 16, 0)
    rng = np.random.default_rng(3)
    frame = rng.integers(0, 4096, (40, 37), dtype=np.uint16)
    frame |= rng.integers(0, 2, frame.shape, dtype=np.uint16) << 15
    found = CODEC.decode(CODEC.encode(frame, fmt), fmt, level=level)
    np.testing.assert_array_equal(found, frame[:: 1 << level, :: 1 << level])


@pytest.mark.parametrize("depth", [(30, 32, 0), (31, 32, 0), (32, 32, 0), (32, 32, 1)], ids=str)
def test_what_no_wider_type_is_to_be_had_for_is_thinned_out(depth):
    fmt = described(40, 37, *depth)
    frame = extremes(fmt, *bounds(depth[0], depth[2]))
    found = CODEC.decode(CODEC.encode(frame, fmt), fmt, level=1)
    np.testing.assert_array_equal(found, frame[::2, ::2])


def test_indices_of_a_palette_are_thinned_out():
    fmt = described(20, 30, 8, 8, 0, "PALETTE COLOR")
    frame = np.random.default_rng(4).integers(0, 256, (20, 30), dtype=np.uint8)
    found = CODEC.decode(CODEC.encode(frame, fmt), fmt, level=2)
    np.testing.assert_array_equal(found, frame[::4, ::4])


def test_a_level_that_there_is_none_of():
    fmt = described(20, 30, 8, 8, 0)
    codestream = CODEC.encode(np.zeros((20, 30), np.uint8), fmt)
    levels = CODEC.inspect(codestream, fmt).levels
    with pytest.raises(DataConsistencyError, match="levels 0 to"):
        CODEC.decode(codestream, fmt, level=levels + 1)
