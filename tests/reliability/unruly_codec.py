"""A codec that behaves, hangs, takes memory, crashes or fails: as the first value of a frame says.

It is in a module of its own because worker processes import it.
"""

from __future__ import annotations

import ctypes
import os
import signal
import time
from struct import unpack_from

import numpy as np

__all__ = ["CRASHES", "EXITS", "FAILS", "HANGS", "HUNGRY", "NAME", "WRONG_TYPE", "UnrulyCodec"]

NAME = "unruly"
HANGS, HUNGRY, CRASHES, EXITS, FAILS, WRONG_TYPE = range(60_001, 60_007)


class UnrulyCodec:
    """Keeps frames as they are; see `FrameCodec`."""

    name = NAME
    transfer_syntax_uid = ""

    def encode(self, frame, pixel_format):
        return np.ascontiguousarray(frame).tobytes()

    def inspect(self, codestream, pixel_format):
        return None

    def decode(self, codestream, pixel_format, out=None, level=0):
        misbehave(unpack_from("<H", codestream)[0])
        values = np.frombuffer(codestream, pixel_format.dtype).reshape(pixel_format.shape)
        if unpack_from("<H", codestream)[0] == WRONG_TYPE:
            return values.astype("int64")
        if out is None:
            return values.copy()
        out[...] = values
        return out


def misbehave(kind):
    if kind == HANGS:
        # In native code, which no signal handler of Python's interrupts.
        ctypes.PyDLL(None).sleep(1000)
    elif kind == HUNGRY:
        held = []
        while True:
            held.append(np.ones(1 << 22))
    elif kind == CRASHES:
        os.kill(os.getpid(), signal.SIGSEGV)
        time.sleep(1000)
    elif kind == EXITS:
        os._exit(7)
    elif kind == FAILS:
        raise KeyError("what a plugin raises")
