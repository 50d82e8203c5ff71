"""Read the few values that decide where an element may go."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING

from dicube_plugins.multiframe._elements import value_of

if TYPE_CHECKING:
    from dicube_plugins.multiframe._columns import Column

__all__ = ["all_numbers", "allowed_vrs", "means_the_same", "numbers_of", "text_of"]

#: Longest number that is read, with room for what writers do to the 16 of PS3.5 6.2.
_MAX_NUMBER = 64


def text_of(data: bytes | None) -> str:
    """Return the value of a text element without its padding, empty where there is none."""
    return "" if data is None else value_of(data).decode("latin-1").strip(" \0")


def numbers_of(data: bytes | None) -> tuple[float, ...]:
    """Return the values of a DS or IS element, none unless every part is a finite number."""
    text = text_of(data)
    if not text.isascii() or "_" in text:
        return ()
    parts = text.split("\\")
    if max(map(len, parts)) > _MAX_NUMBER:
        return ()
    try:
        values = tuple(map(float, parts))
    except ValueError:
        return ()
    return values if all(map(math.isfinite, values)) else ()


def all_numbers(column: Column | None, vr: bytes, count: int) -> bool:
    """Whether every slice has this element, as `count` numbers."""
    if column is None or not column.in_all or column.vr != vr:
        return False
    return all(len(numbers_of(data)) == count for data in column.distinct())


def means_the_same(data: bytes) -> bool:
    """Whether an element reads the same in every character set that DICOM has."""
    return data.isascii() and b"\x1b" not in data


@lru_cache(maxsize=4096)
def allowed_vrs(tag: int) -> frozenset[bytes]:
    """Return the VRs that the standard gives a tag, none for tags that it does not know."""
    from pydicom.datadict import dictionary_VR

    try:
        return frozenset(vr.encode() for vr in dictionary_VR(tag).split(" or "))
    except KeyError:
        return frozenset()
