"""What the core asks of plugins: codecs and sources that it does not know itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dicube_plugins.manager import default_manager

if TYPE_CHECKING:
    from collections.abc import Callable

    from dicube_core.codec.base import FrameCodec
    from dicube_core.source import ByteSource

__all__ = ["byte_source", "codec_factory"]


def codec_factory(name: str) -> Callable[[], FrameCodec] | None:
    """Return what makes the codec of this name, None where no plugin gives it."""
    return default_manager().codec(name)


def byte_source(source: object) -> ByteSource | None:
    """Return what a plugin makes of a source, None where no plugin knows it."""
    return default_manager().open_source(source)
