"""One good frame of every compressed kind, and damage to it."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from dicube_core.pixels import PixelFormat

if TYPE_CHECKING:
    import random

__all__ = ["SAMPLES", "Sample", "mutated", "resized", "sample"]

ROWS, COLUMNS = 64, 72
_TREE = "1.2.840.10008.1.2."


@dataclass(frozen=True)
class Sample:
    """A frame that decodes, and what its file says of it."""

    name: str
    syntax: str
    frame: bytes
    pixel_format: PixelFormat


def _grey(bits: int) -> np.ndarray[Any, Any]:
    y, x = np.mgrid[:ROWS, :COLUMNS]
    values = (
        100 + 60 * np.sin(x / 9) * np.cos(y / 7) + np.random.default_rng(0).normal(0, 3, x.shape)
    )
    return values.astype("u1") if bits == 8 else (values * 16).astype("u2")


def _colour() -> np.ndarray[Any, Any]:
    grey = _grey(8)
    return np.stack([grey, grey[::-1], grey[:, ::-1]], -1).copy()


def _by_pydicom(uid: str, array: np.ndarray[Any, Any], plugin: str, stored: int) -> bytes:
    from pydicom.pixels import get_encoder

    colour = array.ndim == 3
    return bytes(
        get_encoder(uid).encode(
            array,
            rows=ROWS,
            columns=COLUMNS,
            samples_per_pixel=3 if colour else 1,
            bits_allocated=array.dtype.itemsize * 8,
            bits_stored=stored,
            pixel_representation=0,
            photometric_interpretation="RGB" if colour else "MONOCHROME2",
            number_of_frames=1,
            encoding_plugin=plugin,
            planar_configuration=0,
        )
    )


def _made(name: str) -> tuple[str, bytes]:
    import imagecodecs

    kind, _, form = name.partition("-")
    array = _colour() if form == "rgb" else _grey(int(form))
    stored = 12 if form == "16" else 8
    if kind == "rle":
        return "5", _by_pydicom(_TREE + "5", array, "pydicom", array.dtype.itemsize * 8)
    if kind == "jls":
        return "4.80", _by_pydicom(_TREE + "4.80", array, "pyjpegls", stored)
    if kind == "ljpeg":
        return "4.70", bytes(imagecodecs.ljpeg_encode(array, bitspersample=stored))
    if kind == "jpeg":
        return "4.50", bytes(imagecodecs.jpeg8_encode(array, level=80))
    return "4.90", bytes(imagecodecs.jpeg2k_encode(array, codecformat="j2k", level=0))


SAMPLES = (
    *("rle-8", "rle-16", "rle-rgb", "jls-8", "jls-16", "ljpeg-8", "ljpeg-16"),
    *("jpeg-8", "j2k-8", "j2k-16", "j2k-rgb"),
)


def sample(name: str) -> Sample:
    """Make the good frame of a kind."""
    syntax, frame = _made(name)
    colour, allocated = name.endswith("rgb"), 16 if name.endswith("16") else 8
    stored = 12 if allocated == 16 and not name.startswith("rle") else allocated
    photometric = "RGB" if colour else "MONOCHROME2"
    pixel_format = PixelFormat(
        ROWS, COLUMNS, allocated, stored, 0, -1, photometric, 3 if colour else 1
    )
    return Sample(name, _TREE + syntax, frame, pixel_format)


def resized(one: Sample, rows: int, columns: int) -> bytes:
    """Return the frame with another size in its own header; RLE has none."""
    data = bytearray(one.frame)
    if one.name.startswith("j2k"):
        sizes = struct.pack(">II", columns, rows)
        data[8:16] = data[24:32] = sizes
        return bytes(data)
    marker = {"jls": b"\xff\xf7", "ljpeg": b"\xff\xc3", "jpeg": b"\xff\xc0"}[one.name.split("-")[0]]
    at = data.index(marker) + 5
    data[at : at + 4] = struct.pack(">HH", rows, columns)
    return bytes(data)


def mutated(rng: random.Random, data: bytes) -> bytes:
    """Damage a frame: bits of its header, bytes, runs, bytes lost or doubled, an early end."""
    found = bytearray(data)
    at, other, length = rng.randrange(len(data)), rng.randrange(len(data)), rng.randint(1, 60)
    match rng.randrange(6):
        case 0:
            for _ in range(rng.randint(1, 4)):
                found[rng.randrange(min(len(data), 200))] ^= 1 << rng.randrange(8)
        case 1:
            for _ in range(rng.randint(1, 4)):
                found[rng.randrange(len(data))] = rng.randrange(256)
        case 2:
            found[at : at + length] = rng.randbytes(length)
        case 3:
            del found[at : at + length]
        case 4:
            found[at:] = b"\xff\xd9"
        case _:
            found[at : at + length] = data[other : other + length]
    return bytes(found)
