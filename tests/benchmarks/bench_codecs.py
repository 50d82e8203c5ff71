"""Compare lossless codecs on real-valued and 64-bit frames: ``python bench_codecs.py [--size N]``.

Every codec's result is compared bit by bit before its figures are printed. The frames are of the
kinds that are met: smooth values with noise, integers kept as real numbers, integers times a
slope (SUV), maps from 0 to 1, a dose grid, and labels of 64 bits.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import zstandard
from pcodec import ChunkConfig, standalone

Array = np.ndarray[Any, Any]
Coder = tuple[Callable[[Array], bytes], Callable[[bytes, Array], Array]]


def frames(size: int) -> dict[str, Array]:
    """Return the frames by name; the same on every call."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:size, :size]
    centre = size / 2
    smooth = np.exp(-((x - centre) ** 2 + (y - centre) ** 2) / (size * size / 13)) * 1000
    noisy = smooth + rng.normal(0, 5, smooth.shape)
    counts = np.rint(noisy * 10).clip(0)
    return {
        "noisy float32": noisy.astype("f4"),
        "noisy float64": noisy,
        "integers as float32": (np.rint(noisy) - 1024).astype("f4"),
        "SUV float32": (counts.astype("f4") * np.float32(0.00731)).astype("f4"),
        "map 0 to 1 float32": (noisy / 1000).clip(0, 1).astype("f4"),
        "dose float64": noisy.clip(0) * 1.234e-6,
        "labels int64": np.rint(smooth / 100).astype("i8"),
        "integers int64": np.rint(noisy).astype("i8"),
    }


def _shuffled(array: Array) -> bytes:
    return array.view(np.uint8).reshape(-1, array.dtype.itemsize).T.tobytes()


def _unshuffled(data: bytes, like: Array) -> Array:
    planes = np.frombuffer(data, np.uint8).reshape(like.dtype.itemsize, -1)
    return np.ascontiguousarray(planes.T).view(like.dtype).reshape(like.shape)


def _ordered(array: Array) -> Array:
    """Return 32-bit reals as integers in the same order, which neighbours keep close."""
    bits = array.view("i4")
    return np.where(bits < 0, bits ^ 0x7FFFFFFF, bits)


def _pcodec_decoded(data: bytes, like: Array) -> Array:
    result = np.empty(like.shape, like.dtype)
    standalone.simple_decompress_into(data, result.reshape(-1))
    return result


def coders(array: Array) -> dict[str, Coder]:
    """Return the codecs that take such a frame."""
    found: dict[str, Coder] = {}
    for level in (4, 8, 12):
        found[f"pcodec level {level}"] = (
            lambda a, level=level: standalone.simple_compress(
                a.reshape(-1), ChunkConfig(compression_level=level)
            ),
            _pcodec_decoded,
        )
    for level in (3, 9):
        found[f"shuffle + zstd {level}"] = (
            lambda a, level=level: zstandard.compress(_shuffled(a), level),
            lambda d, a: _unshuffled(zstandard.decompress(d), a),
        )
    if array.dtype == np.float32:
        found["HTJ2K of ordered integers"] = (
            lambda a: imagecodecs.htj2k_encode(_ordered(a)),
            lambda d, _: _ordered(imagecodecs.htj2k_decode(d).view("f4")).view("f4"),
        )
        if imagecodecs.JPEGXL.available:
            found["JPEG XL float"] = (
                lambda a: imagecodecs.jpegxl_encode(a, lossless=True),
                lambda d, _: imagecodecs.jpegxl_decode(d),
            )
    return found


def measure(array: Array, coder: Coder, repeats: int) -> tuple[float, float, float]:
    """Return ratio to raw, and encoding and decoding speed in MB/s; fail if a bit is lost."""
    encode, decode = coder
    seconds = [float("inf")] * 2
    for _ in range(repeats):
        start = time.perf_counter()
        data = encode(array)
        middle = time.perf_counter()
        found = decode(data, array)
        end = time.perf_counter()
        seconds = [min(seconds[0], middle - start), min(seconds[1], end - middle)]
        if found.dtype != array.dtype or found.tobytes() != array.tobytes():
            raise AssertionError("the codec does not give back what it was given")
    return len(data) / array.nbytes, *(array.nbytes / s / 1e6 for s in seconds)


def main(arguments: list[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", type=Path, help="write the sizes to this file")
    parser.add_argument("--quick", action="store_true", help="tiny frames, one round")
    options = parser.parse_args(arguments)
    if options.quick:
        options.size, options.repeats = 48, 1
    rows = []
    write = sys.stdout.write
    write(f"{'frame':22}{'codec':28}{'of raw':>8}{'encode':>8}{'decode':>8}  MB/s\n")
    for name, array in frames(options.size).items():
        for codec, coder in coders(array).items():
            ratio, fast, back = measure(array, coder, options.repeats)
            write(f"{name:22}{codec:28}{ratio:8.3f}{fast:8.0f}{back:8.0f}\n")
            row = {"task": f"size, {codec}", "against": "raw", "data": name}
            rows.append({**row, "goal": None, "ratio": ratio})
    if options.json is not None:
        options.json.write_text(json.dumps(rows), encoding="utf-8")


if __name__ == "__main__":
    main()
