"""File meta information of delivered slices (DICOM PS3.10 section 7.1)."""

from __future__ import annotations

from functools import lru_cache
from struct import Struct
from typing import TYPE_CHECKING

from dicube_core.dataset import uids
from dicube_core.dataset.elements import EXPLICIT_LITTLE, element_header, walk
from dicube_core.exceptions import MetaDataError

if TYPE_CHECKING:
    from dicube_core.dicom.headers import SliceHeader

__all__ = ["PREAMBLE", "file_meta_for"]

#: What stands before the file meta information.
PREAMBLE = bytes(128) + b"DICM"

_GROUP_LENGTH = 0x00020000
_INSTANCE = 0x00020003
_INSTANCE_HEADER = b"\x02\x00\x03\x00UI"
_LENGTH = Struct("<H")
_COUNT = Struct("<I")


def file_meta_for(header: SliceHeader, syntax: str) -> bytes:
    """Return a slice's file meta information for another transfer syntax.

    All elements of the source stay, but those that name the transfer syntax and the
    implementation that wrote the file; what a source lacked is added.
    """
    meta = header.file_meta
    # Slices of a series differ in the SOP Instance UID alone, so all else is made once.
    at = meta.find(_INSTANCE_HEADER)
    if at >= 0 and at + 8 <= len(meta):
        value = at + 8
        stop = value + _LENGTH.unpack_from(meta, at + 6)[0]
        template = _template(meta[:at], meta[stop:], syntax)
        if template is not None and stop <= len(meta):
            before, after = template
            instance = meta[at:stop]
            return _finished(before, instance, after)
    elements = {e.tag: meta[e.start : e.stop] for e in walk(meta)}
    if 0x00020002 not in elements or _INSTANCE not in elements:
        elements = _named_by_data_set(header) | elements
    elements = _patched(elements, syntax)
    instance = elements.pop(_INSTANCE)
    before = b"".join(elements[tag] for tag in sorted(elements) if tag < _INSTANCE)
    after = b"".join(elements[tag] for tag in sorted(elements) if tag > _INSTANCE)
    return _finished(before, instance, after)


def _finished(before: bytes, instance: bytes, after: bytes) -> bytes:
    count = _COUNT.pack(len(before) + len(instance) + len(after))
    return b"".join((_GROUP_LENGTH_HEADER, count, before, instance, after))


@lru_cache(maxsize=512)
def _template(before: bytes, after: bytes, syntax: str) -> tuple[bytes, bytes] | None:
    """Return what stands before and after the SOP Instance UID; None where this is not simple."""
    try:
        elements = {e.tag: before[e.start : e.stop] for e in walk(before)}
        elements |= {e.tag: after[e.start : e.stop] for e in walk(after)}
    except MetaDataError:
        return None
    if 0x00020002 not in elements or _INSTANCE in elements:
        return None
    elements = _patched(elements, syntax)
    return (
        b"".join(elements[tag] for tag in sorted(elements) if tag < _INSTANCE),
        b"".join(elements[tag] for tag in sorted(elements) if tag > _INSTANCE),
    )


def _patched(elements: dict[int, bytes], syntax: str) -> dict[int, bytes]:
    """Name the transfer syntax and this implementation."""
    patched = dict(elements)
    patched.pop(_GROUP_LENGTH, None)
    version = element_header(0x00020001, b"OB", 2, EXPLICIT_LITTLE) + b"\0\1"
    patched.setdefault(0x00020001, version)
    patched[0x00020010] = _text(0x00020010, b"UI", syntax.encode(), b"\0")
    patched[0x00020012] = _text(0x00020012, b"UI", uids.IMPLEMENTATION_UID.encode(), b"\0")
    patched[0x00020013] = _text(0x00020013, b"SH", uids.IMPLEMENTATION_VERSION.encode(), b" ")
    return patched


def _named_by_data_set(header: SliceHeader) -> dict[int, bytes]:
    """Return SOP class and instance as file meta elements, taken from the data set."""
    values = {
        e.tag: header.head[e.value : e.value_stop]
        for e in walk(header.head, header.encoding, until=0x00080019)
        if e.tag in (0x00080016, 0x00080018)
    }
    return {
        0x00020002: _text(0x00020002, b"UI", values.get(0x00080016, b"").rstrip(b"\0 "), b"\0"),
        _INSTANCE: _text(_INSTANCE, b"UI", values.get(0x00080018, b"").rstrip(b"\0 "), b"\0"),
    }


def _text(tag: int, vr: bytes, value: bytes, padding: bytes) -> bytes:
    value += padding * (len(value) % 2)
    return element_header(tag, vr, len(value), EXPLICIT_LITTLE) + value


_GROUP_LENGTH_HEADER = element_header(_GROUP_LENGTH, b"UL", 4, EXPLICIT_LITTLE)
