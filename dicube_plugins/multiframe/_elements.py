"""Write data elements of Explicit VR Little Endian as bytes (DICOM PS3.5 section 7.1.2)."""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING

from dicube_core.dataset.elements import EXPLICIT_LITTLE, LONG_VRS, element_header

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["ITEM_START", "code", "element", "item", "sequence", "text", "value_of", "words"]

_SEQUENCE = Struct("<HH2sHI")
_ITEM = Struct("<HHI")
#: With what every item begins.
ITEM_START = b"\xfe\xff\x00\xe0"


def element(tag: int, vr: bytes, value: bytes) -> bytes:
    """Return an element; the value gets the padding of its VR (PS3.5 6.2)."""
    if len(value) % 2:
        value += b"\0" if vr in (b"UI", b"OB", b"UN") else b" "
    return element_header(tag, vr, len(value), EXPLICIT_LITTLE) + value


def text(tag: int, vr: bytes, *values: str) -> bytes:
    """Return an element of ASCII text, of one value or more."""
    return element(tag, vr, "\\".join(values).encode("ascii"))


def words(tag: int, vr: bytes, *values: int) -> bytes:
    """Return an element of unsigned 16-bit (US) or 32-bit (UL) numbers."""
    width = 4 if vr == b"UL" else 2
    return element(tag, vr, b"".join(value.to_bytes(width, "little") for value in values))


def item(content: bytes) -> bytes:
    """Return an item of defined length."""
    return _ITEM.pack(0xFFFE, 0xE000, len(content)) + content


def sequence(tag: int, items: Iterable[bytes]) -> bytes:
    """Return a sequence of defined length, which readers can step over.

    Parameters
    ----------
    tag : int
        Tag of the sequence.
    items : iterable of bytes
        Contents of the items.
    """
    value = b"".join([item(content) for content in items])
    return _SEQUENCE.pack(tag >> 16, tag & 0xFFFF, b"SQ", 0, len(value)) + value


def code(tag: int, value: str, scheme: str, meaning: str) -> bytes:
    """Return a code sequence of one item (PS3.3 section 8.8)."""
    content = (
        text(0x00080100, b"SH", value),
        text(0x00080102, b"SH", scheme),
        text(0x00080104, b"LO", meaning),
    )
    return sequence(tag, [b"".join(content)])


def value_of(data: bytes) -> bytes:
    """Return the value of a whole element, with its padding.

    Of one of undefined length, what stands behind the header, delimiter included.
    """
    return data[12:] if data[4:6] in LONG_VRS else data[8:]
