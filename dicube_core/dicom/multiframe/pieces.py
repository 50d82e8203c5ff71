"""Single elements as bytes, header included, in the encoding of the header they come from."""

from __future__ import annotations

from struct import pack
from typing import TYPE_CHECKING

from dicube_core.dataset.elements import (
    IMPLICIT_LITTLE,
    Element,
    Encoding,
    element_header,
    iter_items,
    walk,
)
from dicube_core.exceptions import MetaDataError

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["element", "items_of", "level", "sequence", "text_element", "text_of", "value_of"]


def level(data: bytes, encoding: Encoding) -> dict[int, bytes]:
    """Return the elements of one nesting level by tag, group lengths left out.

    Of an element that is there twice the last counts, as for pydicom.
    """
    return {
        e.tag: data[e.start : e.stop]
        for e in walk(data, encoding)
        if e.tag & 0xFFFF and e.tag >> 16 != 0xFFFE
    }


def value_of(piece: bytes | None, encoding: Encoding) -> bytes:
    """Return the value of an element, empty if there is none."""
    if not piece:
        return b""
    found = next(walk(piece, encoding))
    return piece[found.value : found.value_stop]


def text_of(piece: bytes | None, encoding: Encoding) -> str:
    """Return the value of an element as text without padding."""
    return value_of(piece, encoding).decode("latin-1").strip(" \0")


def element(tag: int, vr: bytes, value: bytes, encoding: Encoding) -> bytes:
    """Return an element; a value of odd length is padded (PS3.5 6.2)."""
    if len(value) % 2:
        value += b"\0" if vr in (b"UI", b"OB", b"UN") else b" "
    return element_header(tag, vr, len(value), encoding) + value


def text_element(tag: int, vr: bytes, text: str, encoding: Encoding) -> bytes:
    """Return an element with text of the default character set."""
    return element(tag, vr, text.encode("latin-1"), encoding)


def sequence(tag: int, items: Iterable[bytes], encoding: Encoding) -> bytes:
    """Return a sequence of items that are given as data sets."""
    content = b"".join(pack("<HHI", 0xFFFE, 0xE000, len(item)) + item for item in items)
    return element_header(tag, b"SQ", len(content), encoding) + content


def items_of(data: bytes, found: Element, encoding: Encoding) -> list[bytes]:
    """Return the items of a sequence as data sets in the encoding of `data`.

    Raises
    ------
    MetaDataError
        It is no sequence.
    """
    if encoding.explicit and found.vr not in (b"SQ", b"UN"):
        raise MetaDataError(
            f"({found.tag >> 16:04X},{found.tag & 0xFFFF:04X}) at byte {found.start} is no sequence"
        )
    items = [data[i.value : i.value_stop] for i in iter_items(data, found, encoding)]
    if found.vr == b"UN" and encoding != IMPLICIT_LITTLE:
        from dicube_core.dataset.transcode import implicit_to_explicit

        items = [implicit_to_explicit(item) for item in items]
    return items
