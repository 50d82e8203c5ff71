"""Frames swapped, doubled, missing, of another size, depth or sign, or nothing of the kind."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

import imagecodecs
import numpy as np

from reliability.malformed.rules._file import parts_of
from reliability.malformed.rules._frames import codec_of, with_frame
from reliability.malformed.rules._json import dumped
from reliability.malformed.rules._ways import NOTHING, changed
from reliability.malformed.variant import FACETS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from reliability.malformed.rules._file import Parts
    from reliability.malformed.variant import Base, Variant

__all__ = ["reordered", "variants"]

_FAMILY = "frames"
_OTHER = frozenset(("pixels", "slices"))
#: Headers, places and slices tell another number, or another size, of frames; frames do not.
_ALONE = frozenset(("pixels", "facts"))


def reordered(order: tuple[int, ...], parts: Parts) -> Parts:
    """Return a file with the frames that have these numbers."""
    return replace(parts, frames=tuple(parts.frames[number] for number in order))


@lru_cache(maxsize=1)
def _foreign() -> dict[str, bytes]:
    """Return frames as others encode them."""
    rng = np.random.default_rng(9)
    shapes = ((11, 9), (12, 10), (7, 6), (6, 8), (9, 11), (1, 1), (64, 64), (300, 200), (1, 5000))
    types = ("u1", "i1", "u2", "i2")
    found = {}
    for dtype in types:
        info = np.iinfo(dtype)
        for shape in shapes:
            frame = rng.integers(info.min, info.max, shape, dtype)
            name = f"HTJ2K of {shape[0]}x{shape[1]} {frame.dtype}"
            found[name] = bytes(imagecodecs.htj2k_encode(frame, reversible=True))
    for dtype in ("u1", "u2"):
        for shape in ((11, 9, 3), (6, 8, 3), (12, 10, 3)):
            frame = rng.integers(0, 200, shape, dtype)
            name = f"HTJ2K of {shape[0]}x{shape[1]} {frame.dtype}, colour"
            found[name] = bytes(imagecodecs.htj2k_encode(frame, reversible=True))
    small = rng.integers(0, 200, (11, 9)).astype("u1")
    found["HTJ2K with loss"] = bytes(
        imagecodecs.htj2k_encode(rng.integers(0, 200, (11, 9)).astype("i2"), reversible=False)
    )
    found["JPEG 2000"] = bytes(imagecodecs.jpeg2k_encode(small, codecformat="J2K", level=0))
    found["JPEG 2000 in a JP2 file"] = bytes(imagecodecs.jpeg2k_encode(small, level=0))
    found["JPEG"] = bytes(imagecodecs.jpeg8_encode(small))
    found["PNG"] = bytes(imagecodecs.png_encode(small))
    found["zeros"] = bytes(198)
    found["samples not encoded"] = small.astype("<u2").tobytes()
    found["text"] = b"not a frame at all"
    found["SOC alone"] = b"\xff\x4f"
    found["SOC and EOC"] = b"\xff\x4f\xff\xd9"
    found["a frame of a Part 10 file"] = bytes(128) + b"DICM" + bytes(200)
    found["a megabyte of ones"] = b"\xff" * (1 << 20)
    return found


def _description(base: Base) -> str:
    """Return the name of the foreign frame that is what a file says of its frames."""
    document = json.loads(parts_of(base).pixel_header)
    key = document.get("DicubeCore")
    # The file of 0.3.0 says its size in the space alone.
    rows, columns = (key["rows"], key["columns"]) if key else (11, 9)
    colour = ", colour" if key and key.get("samples_per_pixel", 1) == 3 else ""
    return f"HTJ2K of {rows}x{columns} {document['PixelDtype']}{colour}"


def _cut(count: int, frame: bytes) -> bytes:
    return frame[:count] if count > 0 else frame[: len(frame) + count]


def _around(before: bytes, after: bytes, frame: bytes) -> bytes:
    return before + frame + after


def _twice(frame: bytes) -> bytes:
    return frame * 2


def _constant(value: bytes, _: bytes) -> bytes:
    return value


def _foreign_frame(name: str, _: bytes) -> bytes:
    return _foreign()[name]


_RULES: dict[str, Callable[[bytes], bytes]] = {
    "empty": partial(_constant, b""),
    **{
        f"cut to {n}" if n > 0 else f"cut by {-n}": partial(_cut, n) for n in (1, 2, 40, -1, -2, -9)
    },
    "a zero behind": partial(_around, b"", b"\0"),
    "two zeros behind": partial(_around, b"", b"\0\0"),
    "EOC behind": partial(_around, b"", b"\xff\xd9"),
    "a zero before": partial(_around, b"\0", b""),
    "an item header before": partial(_around, b"\xfe\xff\x00\xe0\x10\0\0\0", b""),
    "a megabyte behind": partial(_around, b"", bytes(1 << 20)),
    "twice over": _twice,
}

_SAME_NUMBER = {
    "0 and 1 change places": (1, 0, 2),
    "0 for 1": (0, 0, 2),
    "all are frame 2": (2, 2, 2),
    "turned": (2, 1, 0),
}


def _orders(count: int) -> dict[str, tuple[int, ...]]:
    """Return what is done to the frames of a file: another number of them."""
    every = tuple(range(count))
    return {
        "one missing at the end": every[:-1],
        "one missing at the start": every[1:],
        "only one": every[:1],
        "none": (),
        "one more": (*every, count - 1),
        "twice as many": every * 2,
        "5000 frames": (0,) * 5000,
    }


def _consistent_giant(side: int, parts: Parts) -> Parts:
    """Let the header say what the frame's SIZ says: too much for anyone."""
    document: dict[str, Any] = json.loads(parts.pixel_header)
    key = document.get("DicubeCore")
    if isinstance(key, dict):
        key["rows"] = key["columns"] = side
    size = side.to_bytes(4, "big")

    def grown(frame: bytes) -> bytes:
        if frame[:4] != b"\xff\x4f\xff\x51":
            return frame
        return frame[:8] + size * 2 + frame[16:24] + size * 2 + frame[32:]

    space = json.loads(parts.space) if parts.space else {}
    if space:
        space["shape"][:2] = [side, side]
    return replace(
        parts,
        pixel_header=dumped(document),
        space=dumped(space) if space else b"",
        frames=tuple(map(grown, parts.frames)),
    )


def variants(base: Base) -> Iterator[Variant]:
    """Yield files with other frames than those that were written."""
    count = len(parts_of(base).frames)
    for name, order in _orders(count).items():
        change = partial(reordered, order)
        yield from changed(base, _FAMILY, f"order: {name}", change, may_differ=_ALONE)
    if base.checksums:
        rest = tuple(range(3, count))
        for name, order in _SAME_NUMBER.items():
            yield from changed(
                base,
                _FAMILY,
                f"order: {name}",
                partial(reordered, (*order, *rest)),
                may_differ=_OTHER,
                damaged=True,
            )
    codec = codec_of(base)
    # Kept frames are delivered as they stand, whoever decodes them says more.
    free = frozenset(("slices",)) if codec in ("rle", "jpeg2000") else NOTHING
    for number in (0, 1, 2):
        for what, rule in _RULES.items():
            change, name = partial(with_frame, number, rule), f"frame {number}: {what}"
            damaged = number == 1
            yield from changed(base, _FAMILY, name, change, may_differ=free, damaged=damaged)
    described = _description(base)
    for name in _foreign():
        change = partial(with_frame, 1, partial(_foreign_frame, name))
        # As the header says it is: the pixels of another frame.
        as_said = codec == "htj2k" and name == described
        yield from changed(
            base, _FAMILY, f"frame 1: {name}", change, may_differ=_OTHER if as_said else free
        )
    for side in (1, 33_000, 65_535, 2**20, 2**31 - 1, 2**32 - 1):
        change = partial(_consistent_giant, side)
        name = f"all say {side} x {side}"
        # Nothing else tells the size in a file without headers of its own.
        free = _ALONE if base.checksums else frozenset(FACETS)
        yield from changed(base, _FAMILY, name, change, may_differ=free)
