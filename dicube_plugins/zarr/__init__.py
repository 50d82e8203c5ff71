"""Codecs by which Zarr reads the frames of ``.dcbs`` files, and writes arrays that are like them.

numcodecs (Zarr version 2, kerchunk) and zarr (version 3) find them by the entry points
``numcodecs.codecs`` and ``zarr.codecs``, with no import of ours. Each loads only its own library.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dicube_plugins.zarr._numcodecs import FrameCodec
    from dicube_plugins.zarr._virtualizarr import DcbsParser
    from dicube_plugins.zarr._zarr3 import FrameBytesCodec

__all__ = ["DcbsParser", "FrameBytesCodec", "FrameCodec"]

_HOMES = {"DcbsParser": "_virtualizarr", "FrameBytesCodec": "_zarr3", "FrameCodec": "_numcodecs"}


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{home}"), name)
    globals()[name] = value
    return value
