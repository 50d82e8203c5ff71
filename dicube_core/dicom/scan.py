"""Read the header of one DICOM file: once, and without interpreting what is only kept.

Plain files (explicit or implicit VR little endian) are walked directly and their pixels are left
on disk. Everything else is normalised to Explicit VR Little Endian first: deflated and big endian
data sets by this package, compressed pixel data by pydicom when the pixels are asked for.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from enum import StrEnum
from struct import Struct
from typing import TYPE_CHECKING

from dicube_core.dicom import uids
from dicube_core.dicom.elements import (
    EXPLICIT_LITTLE,
    IMPLICIT_LITTLE,
    LONG_VRS,
    PIXEL_DATA,
    Encoding,
    NeedMoreBytesError,
    element_header,
    walk,
)
from dicube_core.dicom.headers import SliceHeader
from dicube_core.exceptions import MetaDataError, SeriesError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["NotDicomError", "PixelKind", "SliceSource", "header_values", "scan"]

_FRONT = 1 << 15
_UNDEFINED = 0xFFFFFFFF

#: What is read of each header while walking it; the rest is only kept.
WANTED = frozenset(
    (
        *(0x00080016, 0x00080018, 0x00080060, 0x00180050, 0x00180088, 0x0020000D, 0x0020000E),
        *(0x00200013, 0x00200032, 0x00200037, 0x00201041, 0x00280002, 0x00280004, 0x00280006),
        *(0x00280008, 0x00280010, 0x00280011, 0x00280030, 0x00280100, 0x00280101, 0x00280102),
        *(0x00280103, 0x00281050, 0x00281051, 0x00281052, 0x00281053, 0x00283000),
        *(0x7FE00008, 0x7FE00009),
    )
)
#: The walker compares tags as they lie in the file: element number above group.
_WANTED_RAW = {(tag & 0xFFFF) << 16 | tag >> 16: tag for tag in WANTED}
_SHORT = Struct("<I2sH")
_LONG = Struct("<I")


class NotDicomError(SeriesError):
    """The file is not a DICOM instance and is left out of a series."""


class PixelKind(StrEnum):
    """How the stored values of a source are to be had."""

    NATIVE = "native"
    CONVERTED = "converted"
    ENCAPSULATED = "encapsulated"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class SliceSource:
    """One instance: its header, what was read of it, and where its pixels are.

    Parameters
    ----------
    origin : Path or bytes
        The file, or its bytes.
    size, modified : int
        As found while scanning, to notice a file that changes before its pixels are read.
    header : SliceHeader
        The bytes to keep.
    values : dict
        Tag to raw value (little endian) of the elements in `WANTED`.
    kind : PixelKind
        Where the pixels come from.
    pixel_offset, pixel_length : int
        The Pixel Data value in the file (native), or in the normalised data set (converted).
    """

    origin: Path | bytes
    size: int
    modified: int
    header: SliceHeader
    values: dict[int, bytes]
    kind: PixelKind
    pixel_offset: int
    pixel_length: int

    def text(self, tag: int) -> str:
        """Return an element as text without padding, empty if absent."""
        return self.values.get(tag, b"").decode("latin-1").strip(" \0")

    def number(self, tag: int) -> int | None:
        """Return an unsigned 16-bit element, None if absent or malformed."""
        value = self.values.get(tag, b"")
        return int.from_bytes(value, "little") if len(value) == 2 else None


class _File:
    """The front of a file, which grows on demand."""

    def __init__(self, origin: Path | bytes) -> None:
        self.origin = origin
        if isinstance(origin, bytes):
            self.size, self.modified, self.front = len(origin), 0, origin
            return
        # O_NONBLOCK: a FIFO in the folder must not hang the scan.
        flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
        self._fd = os.open(origin, flags)
        status = os.fstat(self._fd)
        self.size, self.modified = status.st_size, status.st_mtime_ns
        self.front = os.read(self._fd, _FRONT)

    def grow(self, needed: int) -> None:
        """Read at least `needed` bytes.

        Raises
        ------
        MetaDataError
            The file is not that long.
        """
        if needed > self.size or isinstance(self.origin, bytes):
            raise MetaDataError(f"the file ends at byte {self.size}, inside an element")
        needed = min(self.size, max(needed, 2 * len(self.front)))
        parts = [self.front]
        missing = needed - len(self.front)
        while missing > 0:
            part = os.read(self._fd, missing)
            if not part:
                raise MetaDataError(f"the file ends at byte {needed - missing}, inside an element")
            parts.append(part)
            missing -= len(part)
        self.front = b"".join(parts)

    def whole(self) -> bytes:
        """Return all bytes."""
        if len(self.front) < self.size:
            self.grow(self.size)
        return self.front

    def tail(self, offset: int) -> bytes:
        """Return the bytes from `offset` to the end."""
        if offset >= self.size:
            return b""
        if len(self.front) == self.size:
            return self.front[offset:]
        os.lseek(self._fd, offset, os.SEEK_SET)
        with os.fdopen(os.dup(self._fd), "rb") as file:
            return file.read()

    def close(self) -> None:
        if not isinstance(self.origin, bytes):
            os.close(self._fd)


def scan(origin: Path | bytes, name: str) -> SliceSource:
    """Read one file's header.

    Parameters
    ----------
    origin : Path or bytes
        A Part 10 file (PS3.10), or a bare data set as some old exporters wrote.
    name : str
        Kept with the slice, and used in errors.

    Raises
    ------
    NotDicomError
        It is something else, or a DICOMDIR; the message says what.
    MetaDataError
        It is DICOM, but damaged; the message gives the byte offset.
    """
    file = _File(origin)
    try:
        while True:
            try:
                return _scan(file, name)
            except NeedMoreBytesError as exc:
                file.grow(exc.needed)
    except NotDicomError:
        raise
    except MetaDataError as exc:
        raise MetaDataError(f"{name}: {exc.message}", details={"path": name}) from exc
    finally:
        file.close()


def _scan(file: _File, name: str) -> SliceSource:
    front = file.front
    preamble = front[:132] if front[128:132] == b"DICM" else b""
    if not preamble:
        _require_data_set(front, name)
    syntax, class_uid, start = _read_file_meta(front, len(preamble))
    if class_uid == uids.DICOMDIR_CLASS:
        raise NotDicomError(f"{name}: a DICOMDIR, not an image")
    if not syntax:
        encoding = EXPLICIT_LITTLE if front[start + 4 : start + 6].isalpha() else IMPLICIT_LITTLE
    else:
        encoding = IMPLICIT_LITTLE if syntax == uids.IMPLICIT_LE else EXPLICIT_LITTLE
    meta = (preamble, front[len(preamble) : start], syntax, name)
    if syntax in (uids.DEFLATED, uids.EXPLICIT_BE):
        return _scan_converted(file, meta, start, syntax)
    return _scan_little(file, meta, start, encoding)


def _require_data_set(front: bytes, name: str) -> None:
    """Tell a data set without preamble from any other file by its first element."""
    group = int.from_bytes(front[:2], "little")
    number = int.from_bytes(front[2:4], "little")
    if len(front) < 16 or group not in (0x0002, 0x0008) or number > 0x0100:
        raise NotDicomError(f"{name}: not a DICOM file")
    length = int.from_bytes(front[4:8], "little")
    if not front[4:6].isalpha() and length > 0x1000:
        raise NotDicomError(f"{name}: not a DICOM file")


def _read_file_meta(front: bytes, start: int) -> tuple[str, str, int]:
    """Return Transfer Syntax UID, Media Storage SOP Class UID and where the data set starts."""
    syntax = class_uid = ""
    position = start
    if front[start : start + 2] == b"\x02\x00":
        for element in walk(front, EXPLICIT_LITTLE, start, until=0x00030000):
            position = element.start
            if element.tag >= 0x00030000:
                break
            if element.tag in (0x00020010, 0x00020002):
                value = front[element.value : element.value_stop].decode("latin-1").rstrip(" \0")
                if element.tag == 0x00020010:
                    syntax = value
                else:
                    class_uid = value
            position = element.stop
    return syntax, class_uid, position


def _scan_little(
    file: _File, meta: tuple[bytes, bytes, str, str], start: int, encoding: Encoding
) -> SliceSource:
    """Scan a data set that lies in the file as it is to be kept."""
    front = file.front
    finder = _find_explicit if encoding.explicit else _find_implicit
    values, place = finder(front, start, file.size)
    if place is None:
        # No pixel data: the header ends with the file.
        file.whole()
        values, _ = finder(file.front, start, file.size)
        header = _header(meta, encoding, (file.front[start:], b"", b"", b""), exact=True)
        return _source(file, header, values, PixelKind.NONE, (file.size, 0))
    at, value, length = place
    native = meta[2] in ("", uids.IMPLICIT_LE, uids.EXPLICIT_LE)
    if native == (length == _UNDEFINED):
        raise MetaDataError(
            f"Pixel Data at byte {at} is {'native' if not native else 'encapsulated'}, which "
            f"transfer syntax {meta[2] or '(none)'} does not allow"
        )
    if not native:
        return _scan_encapsulated(file, meta, start, values, (at, value))
    if value + length > file.size:
        raise MetaDataError(
            f"Pixel Data at byte {at} needs {length} bytes, the file ends at byte {file.size}"
        )
    frame = _frame_bytes(values, length)
    padding_and_tail = file.tail(value + frame)
    padding, tail = padding_and_tail[: length - frame], padding_and_tail[length - frame :]
    for _ in walk(tail, encoding):  # what follows must be a data set too
        pass
    parts = (front[start:at], front[at:value], padding, tail)
    header = _header(meta, encoding, parts, exact=True)
    return _source(file, header, values, PixelKind.NATIVE, (value, frame))


def _frame_bytes(values: dict[int, bytes], length: int) -> int:
    """Size of the one frame that Pixel Data should hold; kinds are refused later, by name."""

    def number(tag: int) -> int:
        return int.from_bytes(values.get(tag, b"")[:2], "little")

    frame = number(0x00280010) * number(0x00280011) * (number(0x00280100) // 8)
    return frame if 0 < frame <= length else length


def _header(
    meta: tuple[bytes, bytes, str, str],
    encoding: Encoding,
    parts: tuple[bytes, bytes, bytes, bytes],
    *,
    exact: bool,
) -> SliceHeader:
    preamble, file_meta, syntax, name = meta
    head, pixel_header, padding, tail = parts
    return SliceHeader(
        preamble,
        file_meta,
        head,
        pixel_header,
        padding,
        tail,
        explicit=encoding.explicit,
        exact=exact,
        source_syntax=syntax,
        name=name,
    )


def _source(
    file: _File,
    header: SliceHeader,
    values: dict[int, bytes],
    kind: PixelKind,
    place: tuple[int, int],
) -> SliceSource:
    return SliceSource(file.origin, file.size, file.modified, header, values, kind, *place)


def _find_explicit(
    front: bytes, position: int, size: int
) -> tuple[dict[int, bytes], tuple[int, int, int] | None]:
    """Walk to Pixel Data, collecting the wanted values.

    The loop that every slice of a plain series goes through; `elements.walk` does the same for
    the general case, at three times the cost.
    """
    values: dict[int, bytes] = {}
    unpack, wanted, long_vrs = _SHORT.unpack_from, _WANTED_RAW, LONG_VRS
    available = len(front)
    limit = available - 12
    while position <= limit:
        raw, vr, length = unpack(front, position)
        value = position + 8
        if vr in long_vrs:
            (length,) = _LONG.unpack_from(front, position + 8)
            value = position + 12
        if raw == 0x00107FE0:
            return values, (position, value, length)
        if length == _UNDEFINED or not vr.isalpha():
            # Sequences of undefined length, and anything unusual, are left to the general walker.
            value_stop = next(walk(front, EXPLICIT_LITTLE, position)).stop
        else:
            value_stop = value + length
            if value_stop > available:
                break
        if raw in wanted:
            values[wanted[raw]] = front[value:value_stop]
        position = value_stop
    if available < size:
        error = NeedMoreBytesError("the header goes on")
        error.needed = min(size, max(position + 12, available + 1))
        raise error
    for element in walk(front, EXPLICIT_LITTLE, position, until=PIXEL_DATA):
        if element.tag == PIXEL_DATA:
            return values, (element.start, element.value, element.value_stop - element.value)
    return values, None


def _find_implicit(
    front: bytes, position: int, size: int
) -> tuple[dict[int, bytes], tuple[int, int, int] | None]:
    """Do the same for Implicit VR Little Endian."""
    values: dict[int, bytes] = {}
    for element in walk(front, IMPLICIT_LITTLE, position, until=PIXEL_DATA):
        if element.tag == PIXEL_DATA:
            length = _UNDEFINED if element.undefined else element.value_stop - element.value
            return values, (element.start, element.value, length)
        if element.tag > PIXEL_DATA:
            break
        if element.tag in WANTED:
            values[element.tag] = front[element.value : element.value_stop]
    if len(front) < size:
        error = NeedMoreBytesError("the header goes on")
        error.needed = len(front) + 1
        raise error
    return values, None


def _scan_encapsulated(
    file: _File,
    meta: tuple[bytes, bytes, str, str],
    start: int,
    values: dict[int, bytes],
    place: tuple[int, int],
) -> SliceSource:
    """Keep what surrounds compressed pixel data; its uncompressed form takes its place."""
    data = file.whole()
    at, value = place
    element = next(walk(data, EXPLICIT_LITTLE, at))
    head = _without_offset_tables(data[start:at])
    parts = (head, b"", b"", data[element.stop :])
    for _ in walk(parts[3], EXPLICIT_LITTLE):
        pass
    header = _restorable(_header(meta, EXPLICIT_LITTLE, parts, exact=False), values)
    return _source(file, header, values, PixelKind.ENCAPSULATED, (value, element.stop - value))


def _without_offset_tables(head: bytes) -> bytes:
    """Drop the Extended Offset Table (PS3.5 A.4): it describes fragments that will be gone."""
    for element in walk(head, EXPLICIT_LITTLE):
        if element.tag in (0x7FE00001, 0x7FE00002):
            return head[: element.start] + _without_offset_tables(head[element.stop :])
    return head


def _restorable(header: SliceHeader, values: dict[int, bytes]) -> SliceHeader:
    """Give a normalised slice the Pixel Data header of its uncompressed form."""
    from dataclasses import replace

    bits = int.from_bytes(values.get(0x00280100, b"")[:2], "little")
    length = _frame_bytes(values, _UNDEFINED - 1)
    padding = b"\0" * (length % 2)
    vr = b"OW" if bits > 8 else b"OB"
    pixel_header = element_header(PIXEL_DATA, vr, length + len(padding), EXPLICIT_LITTLE)
    return replace(header, pixel_header=pixel_header, padding=padding)


def _scan_converted(
    file: _File, meta: tuple[bytes, bytes, str, str], start: int, syntax: str
) -> SliceSource:
    """Normalise a deflated or big endian data set, then scan it like any other."""
    data = normalised(file.whole()[start:], syntax)
    values, place = _find_explicit(data, 0, len(data))
    if place is None:
        header = _header(meta, EXPLICIT_LITTLE, (data, b"", b"", b""), exact=False)
        return _source(file, header, values, PixelKind.NONE, (0, 0))
    at, value, length = place
    if length == _UNDEFINED or value + length > len(data):
        raise MetaDataError(f"Pixel Data at byte {at} of the data set is cut or encapsulated")
    frame = _frame_bytes(values, length)
    parts = (
        data[:at],
        data[at:value],
        data[value + frame : value + length],
        data[value + length :],
    )
    header = _header(meta, EXPLICIT_LITTLE, parts, exact=False)
    return _source(file, header, values, PixelKind.CONVERTED, (start, frame))


def header_values(header: SliceHeader) -> dict[int, bytes]:
    """Return the raw values of the `WANTED` elements of a header that was kept."""
    finder = _find_explicit if header.explicit else _find_implicit
    return finder(header.head, 0, len(header.head))[0]


def normalised(data: bytes, syntax: str) -> bytes:
    """Turn a deflated or big endian data set into Explicit VR Little Endian.

    Raises
    ------
    MetaDataError
        The data is damaged.
    """
    from dicube_core.dicom import transcode

    if syntax == uids.DEFLATED:
        return transcode.inflate(data)
    return transcode.big_to_little(data)


def converted_pixels(source: SliceSource) -> bytes:
    """Return the stored values of a deflated or big endian source, little endian."""
    data = source.origin if isinstance(source.origin, bytes) else source.origin.read_bytes()
    plain = normalised(data[source.pixel_offset :], source.header.source_syntax)
    start = len(source.header.head) + len(source.header.pixel_header)
    return plain[start : start + source.pixel_length]
