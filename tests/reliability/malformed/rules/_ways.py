"""The ways to put one change into a file: as damage, as a lie, or without checksums."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from reliability.malformed.rules._assemble import assemble
from reliability.malformed.rules._file import parts_of
from reliability.malformed.variant import Variant

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from reliability.malformed.rules._file import Draft, Parts
    from reliability.malformed.variant import Base

__all__ = ["NOTHING", "NUMBERS", "altered", "changed", "patched", "way_of"]

NOTHING: frozenset[str] = frozenset()
#: What a number of a file may lie with.
NUMBERS = (0, 1, 2**31, 2**32 - 1, 2**32, 2**62, 2**63, 2**64 - 8, 2**64 - 1)


def way_of(base: Base) -> str:
    """Return how a lie is called in a base."""
    return "recomputed" if base.checksums else "plain"


def patched(
    base: Base, family: str, name: str, offset: int, new: bytes, *, refused: bool = False
) -> Iterator[Variant]:
    """Yield the base with other bytes in one place, if they are others; checksums stay."""
    if base.data[offset : offset + len(new)] != new:
        way = "damaged" if base.checksums else "plain"
        make = partial(_patch, base.data, offset, new)
        yield Variant(base.name, family, f"{way}: {name}", make, refused=refused)


def _patch(data: bytes, offset: int, new: bytes) -> bytes:
    return data[:offset] + new + data[offset + len(new) :]


def altered(
    base: Base,
    family: str,
    name: str,
    alter: Callable[[Draft], None],
    *,
    refused: bool = False,
    may_differ: frozenset[str] = NOTHING,
    nothing_to_compare: bool = False,
) -> Iterator[Variant]:
    """Yield the base with other places in it, and right checksums."""
    make = partial(_altered, base, alter)
    if make() != base.data:
        name = f"{way_of(base)}: {name}"
        yield Variant(base.name, family, name, make, refused, may_differ, nothing_to_compare)


def _altered(base: Base, alter: Callable[[Draft], None]) -> bytes:
    return assemble(parts_of(base), alter)


def changed(
    base: Base,
    family: str,
    name: str,
    change: Callable[[Parts], Parts],
    *,
    refused: bool = False,
    may_differ: frozenset[str] = NOTHING,
    damaged: bool = False,
    nothing_to_compare: bool = False,
) -> Iterator[Variant]:
    """Yield the base with other content and right checksums; with `damaged` also with the old."""
    if change(parts_of(base)) == parts_of(base):
        return
    make = partial(_changed, base, change)
    told = f"{way_of(base)}: {name}"
    yield Variant(base.name, family, told, make, refused, may_differ, nothing_to_compare)
    if damaged and base.checksums:
        make = partial(_changed, base, change, stale=True)
        yield Variant(base.name, family, f"damaged: {name}", make)


def _changed(base: Base, change: Callable[[Parts], Parts], *, stale: bool = False) -> bytes:
    parts = parts_of(base)
    return assemble(change(parts), stale=parts if stale else None)
