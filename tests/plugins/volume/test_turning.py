"""Stacks that are turned bit by bit as numpy turns them."""

from __future__ import annotations

import numpy as np
import pytest

from dicube_plugins.volume.turning import Turner


@pytest.mark.parametrize("dtype", ["u1", "<i2", "<u4", "<f4", "<f8", ">f4"])
@pytest.mark.parametrize("shape", [(1, 1, 1), (3, 32, 5), (16, 33, 7), (7, 70, 1)])
def test_axes_come_in_the_opposite_order(dtype, shape):
    random = np.random.default_rng(5)
    frames = np.frombuffer(random.bytes(np.prod(shape) * np.dtype(dtype).itemsize), dtype)
    frames = frames.reshape(shape)
    out = np.zeros((shape[2], shape[1], shape[0] + 4), dtype)
    Turner(np.dtype(dtype)).turn(frames, out[..., 2:-2])
    # Bytes, for NaNs are not all alike.
    assert out[..., 2:-2].tobytes() == frames.T.tobytes()
    assert not out[..., :2].any()
    assert not out[..., -2:].any()


def test_stacks_of_other_sizes_follow_each_other():
    turner = Turner(np.dtype(np.float64))
    for count, height in [(2, 5), (9, 40), (1, 3), (9, 41)]:
        frames = np.arange(count * height * 6, dtype=np.int16).reshape(count, height, 6)
        out = np.empty(frames.shape[::-1])

        def halved(turned, values):
            np.divide(turned, 2, out=values)

        turner.turn(frames, out, halved)
        assert np.array_equal(out, frames.T / 2)
