"""Files that end too early or too late, at and around every boundary."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from reliability.malformed.rules._assemble import resealed
from reliability.malformed.rules._file import ENTRY, FIRST_ENTRY, layout
from reliability.malformed.variant import Variant

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reliability.malformed.variant import Base

__all__ = ["variants"]

_AROUND = (-8, -1, 0, 1, 8)
_FAMILY = "truncation"


def boundaries(base: Base) -> dict[int, str]:
    """Return places of a file by what begins or ends there."""
    edges = {0: "the start", 8: "the magic", 12: "the version", len(base.data): "the end"}
    for name, span in layout(base).items():
        edges.setdefault(span.start, f"before {name}")
        edges.setdefault(span.stop, f"after {name}")
        if name == "entries":
            for number, place in enumerate(span[:: ENTRY.size]):
                edges.setdefault(place, f"entry {number}")
        start_of_data = base.data.find(b"\xff\x93", span.start, span.stop)
        if name.startswith("frame ") and start_of_data > 0:
            edges.setdefault(start_of_data + 2, f"packets of {name}")
    return edges


def _lengths(base: Base) -> dict[int, str]:
    """Return lengths to cut to, by where that is."""
    lengths: dict[int, str] = {}
    for edge, name in sorted(boundaries(base).items()):
        for step in _AROUND:
            if 0 <= edge + step < len(base.data):
                lengths.setdefault(edge + step, f"{name} {step:+d}" if step else name)
    return dict(sorted(lengths.items()))


def _cut(base: Base, way: str) -> Iterator[Variant]:
    for length, name in _lengths(base).items():
        cut = partial(base.data.__getitem__, slice(length))
        yield Variant(base.name, _FAMILY, f"{way}: cut {name}", cut, refused=True)
        if any(base.data[length:]):
            make = partial(_filled, base.data, length)
            yield Variant(base.name, _FAMILY, f"{way}: cut and filled {name}", make)
        if base.checksums and length >= FIRST_ENTRY:
            make = partial(_resealed, base.data, length)
            yield Variant(base.name, _FAMILY, f"recomputed: cut {name}", make, refused=True)


def _appended_to(base: Base, way: str) -> Iterator[Variant]:
    for extra in (b"\0", b"\n", bytes(8), b"x" * 100, base.data, bytes(1 << 20)):
        name = f"appended {len(extra)} of {extra[:1]!r}"
        make = partial(_appended, base.data, extra)
        yield Variant(base.name, _FAMILY, f"{way}: {name}", make, refused=base.checksums)
        if base.checksums:
            make = partial(_resealed_with, base.data, extra)
            yield Variant(base.name, _FAMILY, f"recomputed: {name}", make)


def variants(base: Base) -> Iterator[Variant]:
    """Yield files that were cut, cut and filled up, or appended to, or went as text."""
    way = "damaged" if base.checksums else "plain"
    yield from _cut(base, way)
    yield from _appended_to(base, way)
    for name, make in (
        ("twice the start", partial(_appended, base.data[:116], base.data)),
        ("one byte before the start", partial(_appended, b"\0", base.data)),
        ("a byte order mark before the start", partial(_appended, b"\xef\xbb\xbf", base.data)),
        ("line ends converted", partial(_lines, base.data, b"\n", b"\r\n")),
        ("line ends converted back", partial(_lines, base.data, b"\r\n", b"\n")),
        ("high bits lost", partial(_seven_bits, base.data)),
    ):
        if make() != base.data:
            yield Variant(base.name, _FAMILY, f"{way}: {name}", make, refused=True)


def _filled(data: bytes, length: int) -> bytes:
    return data[:length] + bytes(len(data) - length)


def _appended(data: bytes, extra: bytes) -> bytes:
    return data + extra


def _resealed(data: bytes, length: int) -> bytes:
    return resealed(data[:length])


def _resealed_with(data: bytes, extra: bytes) -> bytes:
    return resealed(data + extra)


def _lines(data: bytes, old: bytes, new: bytes) -> bytes:
    return data.replace(old, new)


def _seven_bits(data: bytes) -> bytes:
    return bytes(byte & 0x7F for byte in data)
