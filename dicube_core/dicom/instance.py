"""Put a slice's Part 10 file together from its header bytes and its frame (PS3.10 section 7)."""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING

from dicube_core.dicom import uids
from dicube_core.dicom.elements import EXPLICIT_LITTLE, element_header, walk

if TYPE_CHECKING:
    from dicube_core.dicom.headers import SliceHeader

__all__ = ["encapsulated_instance", "file_meta_for", "native_instance"]

_PREAMBLE = bytes(128) + b"DICM"
_ITEM = Struct("<HHI")
_GROUP_LENGTH = 0x00020000
#: Pixel Data, OB, undefined length, and the empty Basic Offset Table (PS3.5 A.4).
_ENCAPSULATED = b"\xe0\x7f\x10\x00OB\0\0\xff\xff\xff\xff" + _ITEM.pack(0xFFFE, 0xE000, 0)
_SEQUENCE_END = _ITEM.pack(0xFFFE, 0xE0DD, 0)


def native_instance(header: SliceHeader, pixels: bytes | memoryview) -> bytes:
    """Return the uncompressed file: the source byte for byte where that was uncompressed.

    Parameters
    ----------
    header : SliceHeader
        Everything but the frame.
    pixels : bytes-like
        Stored values, row by row, little endian.
    """
    if header.exact:
        preamble, file_meta = header.preamble, header.file_meta
    else:
        preamble = header.preamble or _PREAMBLE
        file_meta = file_meta_for(header, uids.EXPLICIT_LE)
    parts = (preamble, file_meta, header.head, header.pixel_header, pixels)
    return b"".join((*parts, header.padding, header.tail))


def encapsulated_instance(header: SliceHeader, codestream: bytes, syntax: str) -> bytes:
    """Return the file with its frame as one compressed fragment.

    No element of the data set is changed but Pixel Data: a monochrome frame that is compressed
    without loss keeps its description. Implicit data sets become explicit, as PS3.5 A.4 demands.
    """
    head, tail = header.head, header.tail
    if not header.explicit:
        from dicube_core.dicom.transcode import implicit_to_explicit

        # One call, so that the tail's meaning may depend on the head (private creators).
        whole = implicit_to_explicit(head + tail)
        cut = next((e.start for e in walk(whole) if e.tag > 0x7FE00010), len(whole))
        head, tail = whole[:cut], whole[cut:]
    fragment = codestream + b"\0" * (len(codestream) % 2)
    return b"".join(
        (
            header.preamble or _PREAMBLE,
            file_meta_for(header, syntax),
            head,
            _ENCAPSULATED,
            _ITEM.pack(0xFFFE, 0xE000, len(fragment)),
            fragment,
            _SEQUENCE_END,
            tail,
        )
    )


def file_meta_for(header: SliceHeader, syntax: str) -> bytes:
    """Return the slice's file meta information for another transfer syntax (PS3.10 7.1).

    All elements of the source stay, but those that name the transfer syntax and the
    implementation that wrote the file.
    """
    elements = {e.tag: header.file_meta[e.start : e.stop] for e in walk(header.file_meta)}
    elements.pop(_GROUP_LENGTH, None)
    elements.setdefault(0x00020001, element_header(0x00020001, b"OB", 2, EXPLICIT_LITTLE) + b"\0\1")
    if 0x00020002 not in elements or 0x00020003 not in elements:
        from_data_set = {
            e.tag: header.head[e.value : e.value_stop]
            for e in walk(header.head, header.encoding, until=0x00080019)
            if e.tag in (0x00080016, 0x00080018)
        }
        elements.setdefault(0x00020002, _uid(0x00020002, from_data_set.get(0x00080016, b"")))
        elements.setdefault(0x00020003, _uid(0x00020003, from_data_set.get(0x00080018, b"")))
    elements[0x00020010] = _uid(0x00020010, syntax.encode())
    elements[0x00020012] = _uid(0x00020012, uids.IMPLEMENTATION_UID.encode())
    version = uids.IMPLEMENTATION_VERSION.encode()
    version += b" " * (len(version) % 2)
    elements[0x00020013] = (
        element_header(0x00020013, b"SH", len(version), EXPLICIT_LITTLE) + version
    )
    body = b"".join(elements[tag] for tag in sorted(elements))
    length = len(body).to_bytes(4, "little")
    return element_header(_GROUP_LENGTH, b"UL", 4, EXPLICIT_LITTLE) + length + body


def _uid(tag: int, value: bytes) -> bytes:
    value = value.rstrip(b"\0 ")
    value += b"\0" * (len(value) % 2)
    return element_header(tag, b"UI", len(value), EXPLICIT_LITTLE) + value
