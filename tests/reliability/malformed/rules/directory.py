"""The directory of the extension block: its head, and every field of every entry."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from reliability.malformed.rules._file import (
    COPY,
    ENTRY,
    FIRST_ENTRY,
    HEADER,
    TAGS,
    layout,
    parts_of,
)
from reliability.malformed.rules._ways import NOTHING, NUMBERS, altered, patched

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reliability.malformed.rules._file import Draft
    from reliability.malformed.variant import Base, Variant

__all__ = ["FREE", "variants"]

_FAMILY = "extension directory"
#: What a file without a part, or with another, may tell: the rest of it may not differ.
FREE = {
    b"HDRS": frozenset(("headers", "slices", "metadata", "geometry", "facts")),
    b"ENCP": frozenset(("slices", "headers", "facts")),
    b"WRTR": frozenset(("facts",)),
    b"SRCH": frozenset(("facts",)),
}
_HEAD = {
    "magic": (b"\x89DCBX\r\n\x1b", bytes(8), b"\x89DCBX\n\x1a\0"),
    "version": (0, 2, 2**31, 2**32 - 1),
    "entries": (0, 1, 5, 2**16, 2**31, 2**32 - 1),
    "length": (0, 1, 2**32, 2**63, 2**64 - 1),
    "frames": (0, 1, 2, 4, 2**32, 2**64 - 1),
    "header_crc": (0, 1, 2**32 - 1),
    "crc": (0, 1, 2**32 - 1),
}


def _head(name: str, value: bytes | int, draft: Draft) -> None:
    draft.directory[name] = value


def _entry(number: int, column: int, value: bytes | int, draft: Draft) -> None:
    draft.entries[number][column] = value


def _without(number: int, draft: Draft) -> None:
    draft.entries[number][0] = b"gone"


def _twice(number: int, draft: Draft) -> None:
    # Over another one that nothing needs.
    other = next(i for i, entry in enumerate(draft.entries) if entry[0] == b"WRTR" and i != number)
    draft.entries[other] = list(draft.entries[number])


def _of_entry(base: Base, number: int, tag: bytes) -> Iterator[Variant]:
    told = tag.decode()
    span = layout(base).get(told)
    free = FREE.get(tag, NOTHING)
    right = span or range(0)
    places = {value: f"{value:#x}" for value in NUMBERS}
    places |= {right.start + step: f"its value {step:+d}" for step in (-1, 1)}
    places |= {len(base.data): "the file's size", HEADER.size: "the directory", 4: "the header"}
    for value, what in places.items():
        name = f"{told}: offset is {what}"
        if value >= 0:
            yield from altered(base, _FAMILY, name, partial(_entry, number, 2, value))
    sizes = {value: f"{value:#x}" for value in NUMBERS}
    sizes |= {len(right) + step: f"its value {step:+d}" for step in (-1, 1)}
    for value, what in sizes.items():
        name = f"{told}: length is {what}"
        if value >= 0:
            yield from altered(base, _FAMILY, name, partial(_entry, number, 3, value))
    for crc in (0, 2**32 - 1):
        name = f"{told}: CRC is {crc:#x}"
        yield from altered(base, _FAMILY, name, partial(_entry, number, 4, crc))
    for column, values in ((1, (1, 2, 2**31, 2**32 - 1)), (5, (1, 2**32 - 1))):
        for value in values:
            name = f"{told}: {'flags' if column == 1 else 'reserved'} are {value:#x}"
            yield from altered(base, _FAMILY, name, partial(_entry, number, column, value))
    yield from altered(
        base,
        _FAMILY,
        f"{told}: not there",
        partial(_without, number),
        refused=tag in TAGS or tag == b"FCRC",
        may_differ=free,
        nothing_to_compare=tag == b"HDRS",
    )
    if tag != b"WRTR":
        yield from altered(
            base, _FAMILY, f"{told}: listed twice", partial(_twice, number), refused=True
        )


def variants(base: Base) -> Iterator[Variant]:
    """Yield files whose directory lies; nothing for a base that has none."""
    if not base.checksums:
        return
    for field, values in _HEAD.items():
        for value in values:
            name = f"{field} is {value!r}"
            yield from altered(base, _FAMILY, name, partial(_head, field, value), refused=True)
    parts = parts_of(base)
    tags = [*(part.tag for part in parts.extension), *TAGS, *([COPY] if parts.copied else [])]
    for number, tag in enumerate(tags):
        yield from _of_entry(base, number, tag)
    for place in range(HEADER.size, FIRST_ENTRY + len(tags) * ENTRY.size, 3):
        new = bytes((base.data[place] ^ 0xFF,))
        name = f"byte {place} inverted"
        yield from patched(base, _FAMILY, name, place, new, refused=True)
