"""CRC-32 (ISO 3309, as in zlib and PNG) by the fastest implementation already loaded."""

from __future__ import annotations

import sys
import zlib

__all__ = ["crc32"]


def crc32(data: bytes | bytearray | memoryview) -> int:
    """Return the CRC-32 of `data`."""
    # libdeflate is several times faster, but loading imagecodecs costs more than it saves, so it
    # is used only once a frame was decoded or encoded.
    fast = sys.modules.get("imagecodecs")
    if fast is None or not isinstance(data, bytes) or len(data) < 4096:
        return zlib.crc32(data)
    try:
        return int(fast.deflate_crc32(data))
    except (AttributeError, ImportError):  # built without libdeflate
        return zlib.crc32(data)
