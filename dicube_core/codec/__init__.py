"""Frame codecs: the protocol, the marker parser, the backends and their registry.

Importing this package loads neither numpy nor a codec library; a backend does when it is used.
"""

from __future__ import annotations

from dicube_core.codec.base import HTJ2K_LOSSLESS, FrameCodec
from dicube_core.codec.codestream import CodestreamInfo, TilePart, check, parse
from dicube_core.codec.openjpeg import OpenJPEGCodec
from dicube_core.codec.openjph import OpenJPHCodec
from dicube_core.codec.pcodec import PCodec
from dicube_core.codec.registry import (
    codec_for,
    get_codec,
    is_codec_available,
    list_codecs,
    register_codec,
)

__all__ = [
    "HTJ2K_LOSSLESS",
    "CodestreamInfo",
    "FrameCodec",
    "OpenJPEGCodec",
    "OpenJPHCodec",
    "PCodec",
    "TilePart",
    "check",
    "codec_for",
    "get_codec",
    "is_codec_available",
    "list_codecs",
    "parse",
    "register_codec",
]
