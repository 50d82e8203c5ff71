"""Put other bytes in the place of one frame."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from reliability.malformed.rules._file import parts_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from reliability.malformed.rules._file import Parts
    from reliability.malformed.variant import Base

__all__ = ["codec_of", "with_frame"]


def with_frame(number: int, change: Callable[[bytes], bytes], parts: Parts) -> Parts:
    """Return a file one of whose frames is another."""
    frames = list(parts.frames)
    frames[number] = change(frames[number])
    return replace(parts, frames=tuple(frames))


def codec_of(base: Base) -> str:
    """Return ``"htj2k"``, ``"jpeg2000"``, ``"pcodec"`` or ``"rle"``."""
    key = json.loads(parts_of(base).pixel_header).get("DicubeCore", {})
    codec = str(key.get("codec", "htj2k"))
    if codec.startswith("encapsulated:"):
        return "rle" if codec.endswith(".2.5") else "jpeg2000"
    return codec
