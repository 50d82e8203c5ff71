"""What this package gives as a plugin: a codec, made when it is asked for by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dicube_plugins.hookspecs import hookimpl

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from dicube_core.codec.base import FrameCodec

__all__ = ["dicube_codecs"]


@hookimpl
def dicube_codecs() -> Mapping[str, Callable[[], FrameCodec]]:
    """Return the codec of nvImageCodec. Files never name it: it decodes what others encoded."""
    from dicube_plugins.gpu._codec import NAME, make_codec

    return {NAME: make_codec}
