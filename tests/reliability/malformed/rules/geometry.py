"""Places that cannot be: in the space section, and in the headers of the slices."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import zstandard

from reliability.malformed.rules._columns import with_rows
from reliability.malformed.rules._file import parts_of
from reliability.malformed.rules._json import dumped
from reliability.malformed.rules._ways import NOTHING, changed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reliability.malformed.rules._file import Parts
    from reliability.malformed.variant import Base, Variant

__all__ = ["variants"]

_FAMILY = "geometry"
_NAN, _INF = float("nan"), float("inf")
_X, _Y, _Z = (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)
_SPACES: dict[str, dict[str, Any]] = {
    **{
        f"{key}[{axis}] is {value!r}": {key: (axis, value)}
        for key in ("spacing", "origin")
        for axis in range(3)
        for value in (_NAN, _INF, -_INF, 0, -1, 1e-320, 1e308, -0.0, 10**400)
    },
    **{
        f"{key}[0] is {value!r}": {key: (0, value)}
        for key in ("x_orientation", "y_orientation", "z_orientation")
        for value in (_NAN, _INF, 0, 2, -1, 0.9, 1e300, 1e-320)
    },
    "shape of 0 columns": {"shape": [0, 11, 3]},
    "negative shape": {"shape": [-9, 11, 3]},
    "shape of one slice more": {"shape": "more"},
    "shape turned": {"shape": "turned"},
    "shape of two": {"shape": [9, 11]},
    "shape of four": {"shape": [9, 11, 3, 1]},
    "shape of fractions": {"shape": [9.5, 11.5, 3.5]},
    "huge shape": {"shape": [2**62, 2**62, 2**62]},
    "spacing of two": {"spacing": [1, 1]},
    "spacing of four": {"spacing": [1, 1, 1, 1]},
    "axes parallel": {"y_orientation": list(_X)},
    "axes all alike": {"y_orientation": list(_X), "z_orientation": list(_X)},
    "axes skewed": {"y_orientation": [0.6, 0.8, 0.0]},
    "left-handed": {"z_orientation": [0.0, 0.0, -1.0]},
    "axes swapped": {"x_orientation": list(_Y), "y_orientation": list(_X)},
    "axes zero": {"x_orientation": [0, 0, 0], "y_orientation": [0, 0, 0]},
    "axes of two": {"x_orientation": [1, 0]},
}
#: Element of a slice's header -> spellings that no image should have.
_NUMBERS = ("0", "-1", "nan", "inf", "1e400", "1e-400", "", " ", "x", "1,5", "9" * 16)
_ELEMENTS = {
    "PixelSpacing": (b"\x28\x00\x30\x00DS", 2),
    "ImagePositionPatient": (b"\x20\x00\x32\x00DS", 3),
    "ImageOrientationPatient": (b"\x20\x00\x37\x00DS", 6),
    "RescaleSlope": (b"\x28\x00\x53\x10DS", 1),
    "InstanceNumber": (b"\x20\x00\x13\x00IS", 1),
}


def _space(change: dict[str, Any], parts: Parts) -> Parts:
    space = json.loads(parts.space)
    for key, value in change.items():
        if isinstance(value, tuple):
            space[key][value[0]] = value[1]
        elif value == "more":
            space[key][2] += 1
        elif value == "turned":
            space[key].reverse()
        else:
            space[key] = value
    return replace(parts, space=dumped(space))


def _may_be(name: str) -> bool:
    """Tell whether a place is another one that a series may have."""
    if name.startswith("origin"):
        return not any(word in name for word in ("nan", "inf", "1000000"))
    if name in ("y_orientation[0] is 1e-320", "z_orientation[0] is 1e-320"):
        return True  # as good as the 0 that stood there
    return name in ("x_orientation[0] is -1", "left-handed", "axes swapped")


def _element(front: bytes, value: bytes, row: bytes) -> bytes:
    """Give an element of a header row another value of the same length."""
    at = row.find(front)
    if at < 0:
        return row
    size = int.from_bytes(row[at + 6 : at + 8], "little")
    return row[: at + 8] + value[:size].ljust(size) + row[at + 8 + size :]


def _headers(front: bytes, value: bytes, slices: tuple[int, ...], parts: Parts) -> Parts:
    def new(number: int, row: bytes) -> bytes:
        return _element(front, value, row) if number in slices else row

    return with_rows(parts, new)


def variants(base: Base) -> Iterator[Variant]:
    """Yield files whose geometry cannot be, or is another one."""
    parts = parts_of(base)
    if parts.space:
        free = frozenset(("geometry", "facts"))
        for name, change in _SPACES.items():
            # Whoever reads no place may still read frames.
            yield from changed(
                base,
                _FAMILY,
                f"space: {name}",
                partial(_space, change),
                may_differ=free if _may_be(name) else NOTHING,
            )
    if not base.checksums or b"HDRS" not in {part.tag for part in parts.extension}:
        return
    free = frozenset(("headers", "slices", "metadata", "geometry", "facts"))
    if zstandard.decompress(parts.part(b"HDRS")):
        for keyword, (front, count) in _ELEMENTS.items():
            for number in _NUMBERS:
                value = "\\".join([number] * count).encode()
                for slices in ((0, 1, 2), (1,)):
                    name = f"{keyword} of {'all' if len(slices) > 1 else 'one'} is {number!r}"
                    change = partial(_headers, front, value, slices)
                    yield from changed(base, _FAMILY, name, change, may_differ=free)
