"""Decoders made of the CPU's: one is right, the others are each wrong in a way of their own.

They stand in for a GPU, which no test machine promises.
"""

from __future__ import annotations

import os
import signal
import sys
import time

import imagecodecs
import numpy as np

from dicube_core.codec import parse
from dicube_core.codec.native_errors import call_native
from dicube_core.exceptions import CodecUnavailableError, DecodeError


class Right:
    """Decodes as nvImageCodec is meant to: (rows, columns, components), the smallest type."""

    def __init__(self, device=0):
        self.device = device
        self.batches = []

    def decode(self, codestreams):
        self.batches.append(len(codestreams))
        return self.changed([self.one(c) for c in codestreams])

    def one(self, codestream):
        info = parse(codestream)
        values = call_native(lambda: imagecodecs.htj2k_decode(codestream), DecodeError)
        if info.components == 1:
            return self.changed_frame(values[..., None])
        if not info.coding.colour_transform:
            values = np.ascontiguousarray(np.moveaxis(values, 0, 2))
        return self.changed_frame(values)

    def changed_frame(self, values):
        return values

    def changed(self, arrays):
        return arrays

    def to_host(self, array):
        return np.array(array)


class FlipsABit(Right):
    """One value of large frames, by one."""

    def changed_frame(self, values):
        if values.shape[0] > 100:
            values = values.copy()
            values[200, 3, 0] ^= 1
        return values


class WrapsSigned(Right):
    """Signed values come with the level shift of unsigned ones."""

    def changed_frame(self, values):
        if values.dtype.kind == "i":
            return values ^ np.iinfo(values.dtype).min
        return values


class SignedAsUnsigned(Right):
    def changed_frame(self, values):
        return values.view(values.dtype.str.replace("i", "u"))


class Zeros(Right):
    def changed_frame(self, values):
        return np.zeros_like(values)


class Scales(Right):
    """All to 8 bits, as nvImageCodec does unless it is told not to."""

    def changed_frame(self, values):
        return (values >> (8 * values.itemsize - 8)).astype("u1")


class ChangesColour(Right):
    """Takes components without colour transform for YCbCr, and makes RGB of them."""

    def changed_frame(self, values):
        return values[..., ::-1] if values.shape[-1] == 3 else values


class Transposes(Right):
    def changed_frame(self, values):
        return values.transpose(1, 0, 2)


class DropsAFrame(Right):
    def changed(self, arrays):
        return arrays[:-1] if len(arrays) > 3 else arrays


class SwapsFrames(Right):
    """In large batches, as those of its own stream that are ready first."""

    def changed(self, arrays):
        return [*arrays[:-2], arrays[-1], arrays[-2]] if len(arrays) > 3 else arrays


class Raises(Right):
    def decode(self, codestreams):
        raise RuntimeError("CUDA Runtime failure: '#700'")


class RefusesSigned(Right):
    """As the CPU part of nvImageCodec 0.9, and its GPU part for 8 bits."""

    def changed(self, arrays):
        return [None if a.dtype.kind == "i" else a for a in arrays]


class RefusesSmall(Right):
    def changed(self, arrays):
        return [None if a.shape[0] < 10 else a for a in arrays]


class RefusesAll(Right):
    def changed(self, arrays):
        return [None] * len(arrays)


class BreaksOnHost(Right):
    def to_host(self, array):
        raise RuntimeError("no copy")


class Unavailable(Right):
    def __init__(self, device):
        raise CodecUnavailableError(f"no decoder for GPU {device}", suggestion="buy one")


class Hangs(Right):
    def __init__(self, device):
        time.sleep(3600)


class Crashes(Right):
    def decode(self, codestreams):
        sys.stderr.write("\x1b[0;31m[ERROR]\x1b[0m  Xid 31\n")
        sys.stderr.flush()
        os.kill(os.getpid(), signal.SIGSEGV)


class Exits(Right):
    def decode(self, codestreams):
        os._exit(0)
