"""Codecs by name, built when first asked for.

Standard library only: asking what is registered loads no codec.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from dicube_core.exceptions import CodecUnavailableError, DataConsistencyError
from dicube_core.forks import LOADING, ForkSafeLock
from dicube_core.settings import get_limits
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
    from dicube_core.codec.self_test import require_working

    try:
        openjph.require()
        return require_working(openjph.OpenJPHCodec())
    except CodecUnavailableError as missing:
        try:
            openjpeg.require()
            return require_working(openjpeg.OpenJPEGCodec(name="htj2k"))
        except CodecUnavailableError:
            raise missing from None


def _build_htj2k_openjpeg() -> FrameCodec:
    from dicube_core.codec import openjpeg
    from dicube_core.codec.self_test import require_working

    openjpeg.require()
    return require_working(openjpeg.OpenJPEGCodec())


def _build_pcodec() -> FrameCodec:
    from dicube_core.codec import pcodec
    from dicube_core.codec.self_test import require_working

    pcodec.require()
    return require_working(pcodec.PCodec())


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
#: Names whose factories were given here, so that no other process knows them.
_given: set[str] = set()


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
        _given.add(name)
        _codecs.pop(name, None)


def get_codec(name: str) -> FrameCodec:
    """Return the codec of this name; the same object on every call. Thread-safe.

    Plugins are asked for names that are not registered. Where ``Limits.decode_seconds`` is set,
    the codec decodes in worker processes (`dicube_core.codec.bounded`).

    Raises
    ------
    CodecUnavailableError
        No such codec, or none of its backends is installed.
    """
    codec = _codecs.get(name) or _built(name)
    return codec if get_limits().decode_seconds is None else _bounded(name, codec)


def _bounded(name: str, codec: FrameCodec) -> FrameCodec:
    from dicube_core.codec.bounded import BoundedCodec

    return BoundedCodec(codec, name, _factories[name] if name in _given else None)


def _built(name: str) -> FrameCodec:
    """Return a codec that is not known yet, or not made."""
    if name.startswith(ENCAPSULATED):
        return _encapsulated(name)
    if name not in _factories:
        # Without the lock: plugins are loaded, and may come here themselves.
        factory = first_answer(UNKNOWN_CODEC, name)
        if factory is None:
            known = ", ".join(sorted(_factories))
            raise CodecUnavailableError(f"unknown codec {name!r}; known are {known}")
        with _lock:
            _factories.setdefault(name, factory)
    with LOADING, _lock:
        codec = _codecs.get(name)
        if codec is None:
            codec = _codecs[name] = _factories[name]()
        return codec


@lru_cache(maxsize=64)
def _encapsulated(name: str) -> FrameCodec:
    """Return a codec whose name comes from a file: a server meets any number of them."""
    from dicube_core.codec.encapsulated import EncapsulatedCodec

    return EncapsulatedCodec(name)


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
