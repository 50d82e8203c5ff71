"""The table of original headers: counts, kinds and lengths that lie, and rows that do not fit."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import zstandard

from reliability.malformed.rules._columns import (
    LENGTHS,
    column_fields,
    rows_of,
    table_of,
    with_part,
    with_rows,
)
from reliability.malformed.rules._file import parts_of
from reliability.malformed.rules._ways import changed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reliability.malformed.rules._file import Parts
    from reliability.malformed.variant import Base, Variant

__all__ = ["variants"]

_FAMILY = "header table"
_VALUES = (0, 1, 2, 3, 4, 255, 2**16 - 1, 2**31, 2**32 - 1, 2**63, 2**64 - 1)
#: Of headers that an attacker may write as he likes; frames and what is made of the metadata stay.
_FREE = frozenset(("headers", "slices", "geometry", "metadata", "facts"))
_LENGTH_NAMES = (
    *(
        "flags",
        "name",
        "syntax",
        "preamble",
        "file meta",
        "head",
        "pixel header",
        "padding",
        "tail",
    ),
)
_US = b"US\x02\x00"
#: Elements that describe frames -> values that contradict them.
_CONTRADICTIONS = {
    "Rows": (b"\x28\x00\x10\x00", (0, 1, 99, 65535)),
    "Columns": (b"\x28\x00\x11\x00", (0, 1, 99, 65535)),
    "BitsAllocated": (b"\x28\x00\x00\x01", (0, 1, 8, 12, 32, 64, 65535)),
    "BitsStored": (b"\x28\x00\x01\x01", (0, 1, 10, 17, 65535)),
    "HighBit": (b"\x28\x00\x02\x01", (0, 1, 14, 31, 65535)),
    "PixelRepresentation": (b"\x28\x00\x03\x01", (0, 1, 2, 65535)),
    "SamplesPerPixel": (b"\x28\x00\x02\x00", (0, 1, 2, 3, 65535)),
}
_KEPT = (("SamplesPerPixel", 0),)


def _fields_of_table(base: Base) -> Iterator[Variant]:
    table = zstandard.decompress(parts_of(base).part(b"HDRS"))
    for name, at, width in column_fields(table):
        right = int.from_bytes(table[at : at + width], "little")
        steps = {right - 1, right + 1, *_VALUES}
        for value in sorted(v for v in steps if v != right and 0 <= v < 1 << 8 * width):
            change = partial(with_part, b"HDRS", partial(_number, at, width, value))
            # The first bytes of the payload are a row's own.
            free = _FREE if "payload" in name or "of row" in name else frozenset()
            yield from changed(base, _FAMILY, f"{name} is {value:#x}", change, may_differ=free)
    for size in (0, 1, 4, 7, 8, 12, len(table) // 2, len(table) - 1):
        change = partial(with_part, b"HDRS", partial(_cut, size))
        yield from changed(base, _FAMILY, f"cut to {size} of {len(table)}", change)
    change = partial(with_part, b"HDRS", partial(_cut, -1))
    yield from changed(base, _FAMILY, "a byte behind it", change)


def _number(at: int, width: int, value: int, packed: bytes) -> bytes:
    table = zstandard.decompress(packed)
    new: bytes = table[:at] + value.to_bytes(width, "little") + table[at + width :]
    return zstandard.compress(new)


def _cut(size: int, packed: bytes) -> bytes:
    table = zstandard.decompress(packed)
    return zstandard.compress(table[:size] if size >= 0 else table + b"\0")


def _length(which: int, value: int, numbers: tuple[int, ...], parts: Parts) -> Parts:
    def new(number: int, row: bytes) -> bytes:
        if number not in numbers:
            return row
        fields = list(LENGTHS.unpack_from(row))
        fields[which] = value
        return LENGTHS.pack(*fields) + row[LENGTHS.size :]

    return with_rows(parts, new)


def _element(tag: bytes, value: int, numbers: tuple[int, ...], parts: Parts) -> Parts:
    def new(number: int, row: bytes) -> bytes:
        at = row.find(tag + _US)
        if number not in numbers or at < 0:
            return row
        return row[: at + 8] + value.to_bytes(2, "little") + row[at + 10 :]

    return with_rows(parts, new)


def _reordered(order: tuple[int, ...], packed: bytes) -> bytes:
    rows = rows_of(zstandard.decompress(packed))
    return zstandard.compress(table_of([rows[i % len(rows)] for i in order]))


def _row(change: str, parts: Parts) -> Parts:
    def new(number: int, row: bytes) -> bytes:
        if number:
            return row
        fronts = {"cut": row[:-1], "longer": row + b"\0", "empty": b"", "short": row[:10]}
        if change in fronts:
            return fronts[change]
        at = sum(LENGTHS.unpack_from(row)[1:5]) + LENGTHS.size
        body = {"implicit": bytes(8), "huge element": b"\x08\x00\x05\x00OB\0\0\xff\xff\xff\xf0"}
        return row[:at] + body[change] + row[at + len(body[change]) :]

    return with_rows(parts, new)


def variants(base: Base) -> Iterator[Variant]:
    """Yield files whose table of headers lies; nothing for a base that has none."""
    parts = parts_of(base)
    if b"HDRS" not in {part.tag for part in parts.extension}:
        return
    yield from _fields_of_table(base)
    n_rows = len(rows_of(zstandard.decompress(parts.part(b"HDRS"))))
    every = tuple(range(n_rows))
    for which, name in enumerate(_LENGTH_NAMES):
        for value in (
            0,
            1,
            2,
            255,
            *((65535,) if which else ()),
            *((2**32 - 1,) if which > 2 else ()),
        ):
            change = partial(_length, which, value, (0,))
            yield from changed(
                base, _FAMILY, f"length of {name} is {value:#x}", change, may_differ=_FREE
            )
    for name, (tag, values) in _CONTRADICTIONS.items():
        for value in values:
            for numbers in {every, every[:1]}:
                which = "all" if len(numbers) == n_rows else "one"
                change = partial(_element, tag, value, numbers)
                yield from changed(
                    base,
                    _FAMILY,
                    f"{name} of {which} is {value}",
                    change,
                    # No samples are read as one, in sources too: such a header is kept.
                    may_differ=_FREE if (name, value) in _KEPT else _FREE - {"slices"},
                )
    orders = {
        "one row less": every[:-1],
        "one row more": (*every, 0),
        "rows turned": every[::-1],
        "the first row for all": (0,) * n_rows,
        "no rows": (),
        "10000 rows": (0,) * 10_000,
    }
    for name, order in orders.items():
        change = partial(with_part, b"HDRS", partial(_reordered, order))
        free = _FREE if len(order) == n_rows else frozenset[str]()
        yield from changed(base, _FAMILY, name, change, may_differ=free)
    for name in ("cut", "longer", "empty", "short", "implicit", "huge element"):
        yield from changed(
            base, _FAMILY, f"first row {name}", partial(_row, name), may_differ=_FREE
        )
