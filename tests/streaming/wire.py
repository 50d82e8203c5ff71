"""Take a DICOM file apart by hand, as PS3.10 and PS3.5 lay it out."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

from support.raw import DEFLATED, EXPLICIT_LE, IMPLICIT_LE

HTJ2K = "1.2.840.10008.1.2.4.201"
HTJ2K_RPCL = "1.2.840.10008.1.2.4.202"
NATIVE = (EXPLICIT_LE, IMPLICIT_LE, DEFLATED)
ALL = (HTJ2K, HTJ2K_RPCL, *NATIVE)

_PIXEL_DATA = b"\xe0\x7f\x10\x00"
_ENCAPSULATED = _PIXEL_DATA + b"OB\0\0\xff\xff\xff\xff"
_EMPTY_OFFSET_TABLE = b"\xfe\xff\x00\xe0" + bytes(4)
_SEQUENCE_END = b"\xfe\xff\xdd\xe0" + bytes(4)


@dataclass(frozen=True)
class Part10:
    """A file in pieces."""

    preamble: bytes
    meta: dict[int, bytes]
    dataset: bytes

    @property
    def syntax(self) -> str:
        return self.text(0x00020010)

    def text(self, tag: int) -> str:
        return self.meta[tag].rstrip(b"\0 ").decode("ascii")

    @property
    def plain_dataset(self) -> bytes:
        """The data set, inflated where it is deflated."""
        if self.syntax != DEFLATED:
            return self.dataset
        unpacker = zlib.decompressobj(-zlib.MAX_WBITS)
        data = unpacker.decompress(self.dataset)
        assert unpacker.eof
        assert unpacker.unused_data in (b"", b"\0")
        return data


def take_apart(data: bytes) -> Part10:
    """Return the pieces; fail where the file meta information is not as PS3.10 7.1 says."""
    assert data[128:132] == b"DICM"
    assert data[132:140] == b"\x02\x00\x00\x00UL\x04\x00"
    (length,) = struct.unpack_from("<I", data, 140)
    position, stop = 144, 144 + length
    meta: dict[int, bytes] = {}
    while position < stop:
        group, number, vr, size = struct.unpack_from("<HH2sH", data, position)
        position += 8
        if vr in (b"OB", b"UN", b"UT"):
            (size,) = struct.unpack_from("<I", data, position)
            position += 4
        assert group == 2
        assert size % 2 == 0
        tag = group << 16 | number
        assert tag > max(meta, default=0)
        meta[tag] = data[position : position + size]
        position += size
    assert position == stop
    assert meta[0x00020001] == b"\0\1"
    return Part10(data[:132], meta, data[stop:])


def fragment_of(part: Part10) -> tuple[bytes, bytes, bytes]:
    """Return what stands before the codestream's element, the one fragment, and what follows.

    Fails unless Pixel Data has one fragment and an empty Basic Offset Table (PS3.5 A.4).
    """
    before, found, rest = part.dataset.partition(_ENCAPSULATED)
    assert found
    assert rest[:8] == _EMPTY_OFFSET_TABLE
    assert rest[8:12] == b"\xfe\xff\x00\xe0"
    (length,) = struct.unpack_from("<I", rest, 12)
    assert length % 2 == 0
    fragment, after = rest[16 : 16 + length], rest[16 + length :]
    assert after[:8] == _SEQUENCE_END
    assert fragment[:4] == b"\xff\x4f\xff\x51"
    assert fragment.removesuffix(b"\0")[-2:] == b"\xff\xd9"
    return before, fragment, after[8:]


def native_pixels(part: Part10, n_bytes: int) -> bytes:
    """Return the value of an uncompressed Pixel Data element of a defined, even length."""
    data = part.plain_dataset
    length = struct.pack("<I", n_bytes + n_bytes % 2)
    if part.syntax == IMPLICIT_LE:
        start = data.index(_PIXEL_DATA + length) + 8
    else:
        found = [data.find(_PIXEL_DATA + vr + b"\0\0" + length) for vr in (b"OW", b"OB")]
        start = max(found) + 12
        assert start >= 12
    return data[start : start + n_bytes + n_bytes % 2]


def siz(codestream: bytes) -> tuple[int, int, int, bool]:
    """Return columns, rows, precision and sign of a codestream (T.800 A.5.1)."""
    columns, rows = struct.unpack_from(">II", codestream, 8)
    (components,) = struct.unpack_from(">H", codestream, 40)
    assert components == 1
    return columns, rows, (codestream[42] & 0x7F) + 1, bool(codestream[42] >> 7)
