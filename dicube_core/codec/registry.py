"""Codecs by name, built when first asked for.

Standard library only: asking what is registered loads no codec.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dicube_core.exceptions import CodecUnavailableError, DataConsistencyError
from dicube_core.forks import ForkSafeLock
from dicube_core.unknown import UNKNOWN_CODEC, first_answer

if TYPE_CHECKING:
    from collections.abc import Callable

    from dicube_core.codec.base import FrameCodec
    from dicube_core.pixels import PixelFormat

__all__ = [
    "ENCAPSULATED",
    "codec_for",
    "get_codec",
    "is_codec_available",
    "list_codecs",
    "register_codec",
]


def _build_htj2k() -> FrameCodec:
    from dicube_core.codec import openjpeg, openjph

    try:
        openjph.require()
    except CodecUnavailableError as missing:
        try:
            openjpeg.require()
        except CodecUnavailableError:
            raise missing from None
        return openjpeg.OpenJPEGCodec(name="htj2k")
    return openjph.OpenJPHCodec()


def _build_htj2k_openjpeg() -> FrameCodec:
    from dicube_core.codec import openjpeg

    openjpeg.require()
    return openjpeg.OpenJPEGCodec()


def _build_pcodec() -> FrameCodec:
    from dicube_core.codec import pcodec

    pcodec.require()
    return pcodec.PCodec()


def codec_for(pixel_format: PixelFormat) -> str:
    """Return the name of the codec that frames of a format are stored with by default.

    HTJ2K, except for real values and integers of 64 bits, which it cannot hold.
    """
    return "pcodec" if pixel_format.real or pixel_format.bits_allocated > 32 else "htj2k"


#: Names of codecs that only decode what a source had compressed begin so.
ENCAPSULATED = "encapsulated:"
# Re-entrant, as a factory may ask for another codec.
_lock = ForkSafeLock()
_factories: dict[str, Callable[[], FrameCodec]] = {
    "htj2k": _build_htj2k,
    "htj2k-openjpeg": _build_htj2k_openjpeg,
    "pcodec": _build_pcodec,
}
_codecs: dict[str, FrameCodec] = {}


def register_codec(name: str, factory: Callable[[], FrameCodec], *, replace: bool = False) -> None:
    """Make a codec known under `name`.

    Parameters
    ----------
    name : str
        Name by which files and callers ask for it.
    factory : callable
        Called once, without arguments, when the codec is first asked for. It raises
        `CodecUnavailableError` where the codec cannot work; it is then called again next time.
    replace : bool, optional
        Take the place of a codec of this name; who already holds that codec keeps it.

    Raises
    ------
    DataConsistencyError
        The name is taken (and `replace` not set) or empty.
    """
    if not name:
        raise DataConsistencyError("a codec needs a name")
    with _lock:
        if name in _factories and not replace:
            raise DataConsistencyError(
                f"a codec {name!r} is already registered", suggestion="pass replace=True"
            )
        _factories[name] = factory
        _codecs.pop(name, None)


def get_codec(name: str) -> FrameCodec:
    """Return the codec of this name; the same object on every call. Thread-safe.

    Plugins are asked for names that are not registered.

    Raises
    ------
    CodecUnavailableError
        No such codec, or none of its backends is installed.
    """
    codec = _codecs.get(name)
    if codec is not None:
        return codec
    if name.startswith(ENCAPSULATED):
        from dicube_core.codec.encapsulated import EncapsulatedCodec

        with _lock:
            return _codecs.setdefault(name, EncapsulatedCodec(name))
    if name not in _factories:
        # Without the lock: plugins are loaded, and may come here themselves.
        factory = first_answer(UNKNOWN_CODEC, name)
        if factory is None:
            known = ", ".join(sorted(_factories))
            raise CodecUnavailableError(f"unknown codec {name!r}; known are {known}")
        with _lock:
            _factories.setdefault(name, factory)
    with _lock:
        codec = _codecs.get(name)
        if codec is None:
            codec = _codecs[name] = _factories[name]()
        return codec


def list_codecs() -> list[str]:
    """Return the registered names, sorted, whether or not their backends are installed."""
    with _lock:
        return sorted(_factories)


def is_codec_available(name: str) -> bool:
    """Tell whether `get_codec` would return a codec; loads its backend."""
    try:
        get_codec(name)
    except CodecUnavailableError:
        return False
    return True
