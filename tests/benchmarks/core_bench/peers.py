"""What the package is held against: dicube 0.3.0, the bare codec, and a plain pydicom loop."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from importlib import import_module, util
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

import imagecodecs
import numpy as np
import pydicom

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["BareCodec", "installed_version", "load_dicube", "pydicom_loop"]


def installed_version(distribution: str) -> str:
    """Return a distribution's version, ``"not installed"`` where there is none."""
    try:
        return version(distribution)
    except PackageNotFoundError:
        return "not installed"


def load_dicube(threads: int) -> Any | None:
    """Return the module ``dicube`` with the number of threads set, None if not installed."""
    if util.find_spec("dicube") is None:
        return None
    module = import_module("dicube")
    module.set_num_threads(threads)
    return module


def pydicom_loop(files: list[Path]) -> np.ndarray:
    """Read the stored values of all files the plain way."""
    return np.stack([pydicom.dcmread(path).pixel_array for path in files])


class BareCodec:
    """OpenJPH on frames in memory, on a pool that is already there: no file, no check, no copy.

    Parameters
    ----------
    frames : ndarray of shape (frames, rows, columns)
        Input of the encoder.
    codestreams : list of bytes
        Input of the decoder.
    threads : int
        Size of the pool.
    """

    def __init__(self, frames: np.ndarray, codestreams: list[bytes], threads: int) -> None:
        self._frames = frames
        self._codestreams = codestreams
        self._pool = ThreadPoolExecutor(threads)
        self._reused = np.zeros_like(frames)
        imagecodecs.htj2k_encode(frames[0])  # fills tables that OpenJPH fills without a lock

    def decode(self) -> np.ndarray:
        """Decode into a new array, whose pages are touched for the first time."""
        return self._decode_into(np.empty_like(self._frames))

    def decode_reused(self) -> np.ndarray:
        """Decode into an array whose pages are in memory."""
        return self._decode_into(self._reused)

    def _decode_into(self, out: np.ndarray) -> np.ndarray:
        def decode(index: int) -> None:
            imagecodecs.htj2k_decode(self._codestreams[index], out=out[index])

        list(self._pool.map(decode, range(len(self._codestreams))))
        return out

    def encode(self) -> list[bytes]:
        """Encode all frames."""
        return list(self._pool.map(imagecodecs.htj2k_encode, self._frames))

    def close(self) -> None:
        """Stop the threads."""
        self._pool.shutdown()
