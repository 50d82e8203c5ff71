"""Well-formed frames, in every codec and in every form of encapsulation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from support import multiframe

from dicube_core.codec.pcodec import PCodec
from dicube_core.codec.registry import get_codec
from dicube_core.dicom.scan import scan
from dicube_core.pixels import PixelFormat
from reliability.fuzz.seeds import RLE, compressed_file

if TYPE_CHECKING:
    from collections.abc import Iterable


def _formats() -> Iterable[PixelFormat]:
    yield PixelFormat(9, 7, 16, 12, 0)
    yield PixelFormat(5, 4, 8, 8, 0)
    yield PixelFormat(5, 4, 16, 16, 1)
    yield PixelFormat(3, 4, 32, 20, 0)
    yield PixelFormat(4, 5, 8, 8, 0, -1, "RGB", 3)
    yield PixelFormat(70, 66, 16, 10, 0)


def codestreams() -> Iterable[bytes]:
    """HTJ2K codestreams, some with tile-parts."""
    import imagecodecs

    for number, pixel_format in enumerate(_formats()):
        low = -50 if pixel_format.pixel_representation else 0
        values = np.random.default_rng(number).integers(low, 200, pixel_format.shape)
        yield get_codec("htj2k").encode(values.astype(pixel_format.dtype), pixel_format)
    frame = np.arange(600, dtype=np.uint16).reshape(20, 30)
    yield bytes(imagecodecs.htj2k_encode(frame, reversible=True, tlm=True, tilepart=1))
    yield bytes(imagecodecs.htj2k_encode(frame, reversible=False))


def pcodec_frames() -> Iterable[bytes]:
    """Frames of real values and 64-bit integers."""
    for name in ("float32", "float64", "int64", "uint16"):
        values = (np.arange(15).reshape(3, 5) * 1.5).astype(name)
        yield PCodec().encode(values, PixelFormat.from_dtype(name, 3, 5))


def encapsulated_frames() -> Iterable[bytes]:
    """Frames in RLE and JPEG 2000, with what says how to read them."""
    import imagecodecs
    from pydicom.encaps import generate_frames

    data = compressed_file()
    source = scan(data, "")
    value = data[source.pixel_offset : source.pixel_offset + source.pixel_length]
    yield b"\0\3\4\0" + next(generate_frames(value, number_of_frames=2))
    frame = np.arange(12, dtype=np.uint8).reshape(3, 4)
    yield b"\1\3\4\0" + bytes(imagecodecs.jpeg2k_encode(frame, level=0, codecformat="j2k"))
    yield b"\2\3\4\0" + bytes(imagecodecs.htj2k_encode(frame, reversible=True))


def fragment_values() -> Iterable[bytes]:
    """Encapsulated Pixel Data behind two bytes: frames, syntax."""
    for table, fragments in (("basic", 1), ("none", 1), ("basic", 2), ("none", 2)):
        dataset = multiframe.classic(multiframe.frames_of(3, 3, 4, "u1"))
        data = multiframe.compressed(dataset, RLE, table=table, fragments=fragments)
        source = scan(data, "")
        value = data[source.pixel_offset : source.pixel_offset + source.pixel_length]
        yield b"\3\0" + value
    item = b"\xfe\xff\0\xe0"
    jpeg = b"\xff\xd8ab\xff\xd9"
    jpegs = item + b"\6\0\0\0" + jpeg
    yield b"\2\1" + item + bytes(4) + jpegs * 2 + b"\xfe\xff\xdd\xe0" + bytes(4)
    yield b"\1\1" + item + bytes(4) + jpegs + item + b"\4\0\0\0ab\xff\xd9"
