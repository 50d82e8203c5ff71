"""Put a slice's Part 10 file together from its header bytes and its frame (PS3.10 section 7).

Assembly is concatenation: the data set is neither parsed nor written anew. For each transfer
syntax only what must differ does; ``docs/streaming.md`` lists it.
"""

from __future__ import annotations

import zlib
from dataclasses import replace
from struct import Struct
from typing import TYPE_CHECKING

from dicube_core.dataset import uids
from dicube_core.dataset.elements import (
    EXPLICIT_LITTLE,
    IMPLICIT_LITTLE,
    Encoding,
    element_header,
    walk,
)
from dicube_core.dicom.file_meta import PREAMBLE, file_meta_for

if TYPE_CHECKING:
    from dicube_core.dicom.headers import SliceHeader

__all__ = [
    "deflated_instance",
    "encapsulated_instance",
    "encapsulated_parts",
    "is_dicom_file",
    "native_instance",
    "restored_file",
    "with_encoding",
]

_ITEM = Struct("<HHI")
#: Pixel Data, OB, undefined length, and the empty Basic Offset Table (PS3.5 A.4).
_ENCAPSULATED = b"\xe0\x7f\x10\x00OB\0\0\xff\xff\xff\xff" + _ITEM.pack(0xFFFE, 0xE000, 0)
_SEQUENCE_END = _ITEM.pack(0xFFFE, 0xE0DD, 0)
_PIXEL_GROUP_LENGTH = 0x7FE00000
_FLOAT_VRS = {0x7FE00008: b"OF", 0x7FE00009: b"OD"}


def restored_file(header: SliceHeader, pixels: bytes | memoryview) -> bytes:
    """Return the source file: byte for byte if it was uncompressed little endian.

    Parameters
    ----------
    header : SliceHeader
        Everything but the frame.
    pixels : bytes-like
        Stored values, row by row, little endian.

    Returns
    -------
    bytes
        Else, the same elements and values in Explicit VR Little Endian. A source without
        preamble and file meta information comes back without them.
    """
    if not header.exact:
        return native_instance(header, pixels)
    parts = (header.preamble, header.file_meta, header.head, header.pixel_header, pixels)
    return b"".join((*parts, header.padding, header.tail, header.rest))


def native_instance(header: SliceHeader, pixels: bytes | memoryview) -> bytes:
    """Return an uncompressed DICOM file in the header's own encoding.

    It is the source file, if that was uncompressed and is a DICOM file (with a preamble and file
    meta information, PS3.10 7.1).
    """
    if is_dicom_file(header):
        return restored_file(header, pixels)
    syntax = uids.EXPLICIT_LE if header.explicit else uids.IMPLICIT_LE
    preamble, file_meta = header.preamble or PREAMBLE, file_meta_for(header, syntax)
    parts = (preamble, file_meta, header.head, header.pixel_header, pixels)
    return b"".join((*parts, header.padding, header.whole_tail))


def is_dicom_file(header: SliceHeader) -> bool:
    """Whether the source file is the uncompressed DICOM file of its header's encoding."""
    syntax = uids.EXPLICIT_LE if header.explicit else uids.IMPLICIT_LE
    return header.exact and bool(header.preamble) and header.source_syntax == syntax


def deflated_instance(header: SliceHeader, pixels: bytes | memoryview) -> bytes:
    """Return the file in Deflated Explicit VR Little Endian (PS3.5 A.5).

    Parameters
    ----------
    header : SliceHeader
        In explicit encoding.
    """
    packer = zlib.compressobj(6, zlib.DEFLATED, -zlib.MAX_WBITS)
    parts = (header.head, header.pixel_header, pixels, header.padding, header.whole_tail)
    body = b"".join((*(packer.compress(part) for part in parts), packer.flush()))
    meta = file_meta_for(header, uids.DEFLATED)
    return b"".join((header.preamble or PREAMBLE, meta, body, b"\0" * (len(body) % 2)))


def encapsulated_parts(header: SliceHeader, syntax: str) -> tuple[bytes, bytes]:
    """Return what stands before and after the one fragment of a compressed slice.

    No element of the data set is changed but Pixel Data: a monochrome frame that is compressed
    without loss keeps its description.

    Parameters
    ----------
    header : SliceHeader
        In explicit encoding, as PS3.5 A.4 demands.
    syntax : str
        UID of the transfer syntax.
    """
    head = _without_group_length(header.head, EXPLICIT_LITTLE)
    before = (header.preamble or PREAMBLE, file_meta_for(header, syntax), head, _ENCAPSULATED)
    return b"".join(before), _SEQUENCE_END + header.whole_tail


def encapsulated_instance(parts: tuple[bytes, bytes], codestream: bytes) -> bytes:
    """Return a compressed slice, put together from `encapsulated_parts` and its frame."""
    before, after = parts
    length = len(codestream)
    if length % 2:
        after = b"\0" + after
        length += 1
    return b"".join((before, _ITEM.pack(0xFFFE, 0xE000, length), codestream, after))


def _without_group_length(head: bytes, encoding: Encoding) -> bytes:
    """Leave out the length of the Pixel Data group, which counts the bytes of another form."""
    if head[-12:-8] != b"\xe0\x7f\0\0":
        return head
    *_, last = walk(head, encoding)
    return head[: last.start] if last.tag == _PIXEL_GROUP_LENGTH else head


def with_encoding(header: SliceHeader, *, explicit: bool, bits_allocated: int) -> SliceHeader:
    """Return the header in explicit or implicit encoding; values keep their bytes.

    Raises
    ------
    MetaDataError
        The data set cannot be converted.
    """
    if header.explicit == explicit:
        return header
    from dicube_core.dataset import transcode

    convert = transcode.implicit_to_explicit if explicit else transcode.explicit_to_implicit
    encoding = EXPLICIT_LITTLE if explicit else IMPLICIT_LITTLE
    # In one call, because what an element means may depend on those before it.
    whole = convert(header.dataset)
    tag = header.pixel_tag
    cut = next((e.start for e in walk(whole, encoding) if e.tag > tag), len(whole))
    length = int.from_bytes(header.pixel_header[-4:], "little")
    odd = length % 2  # some writers forget the padding that PS3.5 7.1.1 demands
    vr = _FLOAT_VRS.get(tag) or (b"OW" if bits_allocated > 8 else b"OB")
    return replace(
        header,
        head=_without_group_length(whole[:cut], encoding),
        tail=whole[cut:],
        rest=b"",
        pixel_header=element_header(tag, vr, length + odd, encoding),
        padding=header.padding + b"\0" * odd,
        explicit=explicit,
        exact=False,
    )
