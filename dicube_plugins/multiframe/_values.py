"""Read the few values that decide where an element may go."""

from __future__ import annotations

import math
from functools import lru_cache

from dicube_core.dataset.elements import EXPLICIT_LITTLE, iter_items, walk
from dicube_core.exceptions import MetaDataError
from dicube_plugins.multiframe._elements import value_of

__all__ = ["allowed_vrs", "conforms", "means_the_same", "numbers_of", "text_of"]

#: Longest number that is read, with room for what writers do to the 16 of PS3.5 6.2.
_MAX_NUMBER = 64
#: VRs whose values are text in the character set of their data set (PS3.5 6.1.2.2), or may hold it.
_IN_CHARACTER_SET = {b"SH", b"LO", b"ST", b"LT", b"UC", b"UT", b"PN", b"SQ", b"UN"}
_ACQUISITION_CONTEXT = 0x00400555
#: Coding Scheme Designator and Code Meaning, and the three kinds of Code Value.
_CODE = {0x00080102, 0x00080104}
_CODE_VALUES = {0x00080100, 0x00080119, 0x00080120}


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


def means_the_same(data: bytes) -> bool:
    """Whether an element reads the same in every character set that DICOM has."""
    return data[4:6] not in _IN_CHARACTER_SET or (data.isascii() and b"\x1b" not in data)


@lru_cache(maxsize=4096)
def allowed_vrs(tag: int) -> frozenset[bytes]:
    """Return the VRs that the standard gives a tag, none for tags that it does not know."""
    from pydicom.datadict import dictionary_VR

    try:
        return frozenset(vr.encode() for vr in dictionary_VR(tag).split(" or "))
    except KeyError:
        return frozenset()


def conforms(tag: int, data: bytes) -> bool:
    """Whether a sequence has items, and a code sequence has codes in them (PS3.3 table 8.8-1).

    Those that are not as the standard wants are left to the Unassigned Converted Attributes.
    """
    from pydicom.datadict import keyword_for_tag

    coded = keyword_for_tag(tag).endswith("CodeSequence")
    try:
        items = [
            {
                e.tag
                for e in walk(data, EXPLICIT_LITTLE, one.value, one.value_stop)
                if data[e.value : e.value_stop].strip(b" \0")
            }
            for one in iter_items(data, next(walk(data)), EXPLICIT_LITTLE)
        ]
    except MetaDataError:
        return False
    if coded and not all(filled >= _CODE and filled & _CODE_VALUES for filled in items):
        return False
    return all(items) and (bool(items) or tag == _ACQUISITION_CONTEXT)
