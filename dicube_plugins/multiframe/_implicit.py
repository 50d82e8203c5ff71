"""Elements of implicit headers made explicit, for a whole group of slices at once.

What VR an element has may depend on others of its slice. Where it cannot, one slice tells for all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dicube_core.dataset.elements import EXPLICIT_LITTLE, IMPLICIT_LITTLE, element_header, walk
from dicube_core.dicom.instance import with_encoding
from dicube_plugins.multiframe._values import allowed_vrs

if TYPE_CHECKING:
    from dicube_core.dicom.headers import SliceHeader

__all__ = ["explicit_group"]


def explicit_group(
    first: SliceHeader, varying: dict[int, list[bytes]], head: int, tail: int, bits_allocated: int
) -> dict[int, bytes | list[bytes]] | None:
    """Return the elements of slices with implicit headers, None where each has to be looked at.

    Parameters
    ----------
    first : SliceHeader
        Header of the first slice, implicit.
    varying : dict
        Where an element begins in the first slice's packed header -> the element in each slice.
    head, tail : int
        Where the two parts of the data set begin in it.
    bits_allocated : int
        Of the frames.
    """
    converted = with_encoding(first, explicit=True, bits_allocated=bits_allocated)
    found: dict[int, bytes | list[bytes]] = {}
    for start, before, after in (
        (head, first.head, converted.head),
        (tail, first.tail, converted.tail),
    ):
        olds, news = walk(before, IMPLICIT_LITTLE), list(walk(after))
        for number, old in enumerate(olds):
            # Group lengths are counted anew, or dropped, slice by slice.
            if not old.tag & 0xFFFF or number >= len(news) or news[number].tag != old.tag:
                return None
            new = news[number]
            values = varying.get(start + old.start)
            if values is None:
                found[old.tag] = after[new.start : new.stop]
            elif old.tag & 0x10000 or not _settled(old.tag, new.vr):
                return None
            else:
                made = [_explicit(value, old.tag, new.vr) for value in values]
                if b"" in made:
                    return None
                found[old.tag] = made
    return found


def _settled(tag: int, vr: bytes) -> bool:
    """Whether all slices give an element the VR that the first gives it.

    Pixel Representation, which decides between US and SS, is the same in all slices of a file.
    """
    allowed = allowed_vrs(tag)
    return vr != b"SQ" and vr in allowed and (len(allowed) == 1 or allowed == {b"US", b"SS"})


def _explicit(data: bytes, tag: int, vr: bytes) -> bytes:
    """Return one element in explicit encoding, nothing where it is not just this element."""
    raw = (tag >> 16 | (tag & 0xFFFF) << 16).to_bytes(4, "little")
    length = int.from_bytes(data[4:8], "little")
    if not data.startswith(raw) or length != len(data) - 8:
        return b""
    return element_header(tag, vr, length, EXPLICIT_LITTLE) + data[8:]
