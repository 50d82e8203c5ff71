"""A codec. The module that does the work is imported when a file asks for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dicube_plugins import hookimpl

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from dicube_core.codec.base import FrameCodec


@hookimpl
def dicube_codecs() -> Mapping[str, Callable[[], FrameCodec]]:
    """Name the codec as files do, and say what makes it."""
    return {"example-zlib": _make}


def _make() -> FrameCodec:
    # A codec whose library is missing raises dicube_core.exceptions.CodecUnavailableError here.
    from dicube_example_plugin.zlib_codec import ZlibCodec

    return ZlibCodec()
