"""Read the header of one DICOM file: once, and without interpreting what is only kept.

Plain files (explicit or implicit VR little endian) are walked directly and their pixels are left
on disk. Everything else is normalised to Explicit VR Little Endian first: deflated and big endian
data sets by this package, compressed pixel data by pydicom when the pixels are asked for.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from dicube_core.dataset import uids
from dicube_core.dataset.elements import (
    EXPLICIT_LITTLE,
    IMPLICIT_LITTLE,
    PIXEL_DATA,
    Encoding,
    NeedMoreBytesError,
    element_header,
    walk,
)
from dicube_core.dataset.find import UNDEFINED, find_explicit, find_implicit
from dicube_core.dicom.headers import SliceHeader
from dicube_core.dicom.source_file import SourceFile
from dicube_core.exceptions import MetaDataError, SeriesError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["NotDicomError", "PixelKind", "SliceSource", "converted_pixels", "scan"]


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
    file = SourceFile(origin)
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


def _scan(file: SourceFile, name: str) -> SliceSource:
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
    # Group 0002 alone is walked: it is always explicit, what follows it may not be.
    while front[position : position + 2] == b"\x02\x00":
        element = next(walk(front, EXPLICIT_LITTLE, position))
        if element.tag in (0x00020010, 0x00020002):
            value = front[element.value : element.value_stop].decode("latin-1").rstrip(" \0")
            if element.tag == 0x00020010:
                syntax = value
            else:
                class_uid = value
        position = element.stop
    return syntax, class_uid, position


def _scan_little(
    file: SourceFile, meta: tuple[bytes, bytes, str, str], start: int, encoding: Encoding
) -> SliceSource:
    """Scan a data set that lies in the file as it is to be kept."""
    front = file.front
    finder = find_explicit if encoding.explicit else find_implicit
    values, place = finder(front, start, file.size)
    if place is None:
        # No pixel data: the header ends with the file.
        file.whole()
        values, _ = finder(file.front, start, file.size)
        header = _header(meta, encoding, (file.front[start:], b"", b"", b""), exact=True)
        return _source(file, header, values, PixelKind.NONE, (file.size, 0))
    at, value, length = place
    native = meta[2] in ("", uids.IMPLICIT_LE, uids.EXPLICIT_LE)
    if native == (length == UNDEFINED):
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
    file: SourceFile,
    header: SliceHeader,
    values: dict[int, bytes],
    kind: PixelKind,
    place: tuple[int, int],
) -> SliceSource:
    return SliceSource(file.origin, file.size, file.modified, header, values, kind, *place)


def _scan_encapsulated(
    file: SourceFile,
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
    """Drop what describes fragments that will be gone: offset tables, and the group's length."""
    for element in walk(head, EXPLICIT_LITTLE):
        if element.tag in (0x7FE00000, 0x7FE00001, 0x7FE00002):
            return head[: element.start] + _without_offset_tables(head[element.stop :])
    return head


def _restorable(header: SliceHeader, values: dict[int, bytes]) -> SliceHeader:
    """Give a normalised slice the Pixel Data header of its uncompressed form."""
    from dataclasses import replace

    bits = int.from_bytes(values.get(0x00280100, b"")[:2], "little")
    length = _frame_bytes(values, UNDEFINED - 1)
    padding = b"\0" * (length % 2)
    vr = b"OW" if bits > 8 else b"OB"
    pixel_header = element_header(PIXEL_DATA, vr, length + len(padding), EXPLICIT_LITTLE)
    return replace(header, pixel_header=pixel_header, padding=padding)


def _scan_converted(
    file: SourceFile, meta: tuple[bytes, bytes, str, str], start: int, syntax: str
) -> SliceSource:
    """Normalise a deflated or big endian data set, then scan it like any other."""
    data = normalised(file.whole()[start:], syntax)
    values, place = find_explicit(data, 0, len(data))
    if place is None:
        header = _header(meta, EXPLICIT_LITTLE, (data, b"", b"", b""), exact=False)
        return _source(file, header, values, PixelKind.NONE, (0, 0))
    at, value, length = place
    if length == UNDEFINED or value + length > len(data):
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


def normalised(data: bytes, syntax: str) -> bytes:
    """Turn a deflated or big endian data set into Explicit VR Little Endian.

    Raises
    ------
    MetaDataError
        The data is damaged.
    """
    from dicube_core.dataset import transcode

    if syntax == uids.DEFLATED:
        return transcode.inflate(data)
    return transcode.big_to_little(data)


def converted_pixels(source: SliceSource) -> bytes:
    """Return the stored values of a deflated or big endian source, little endian."""
    data = source.origin if isinstance(source.origin, bytes) else source.origin.read_bytes()
    plain = normalised(data[source.pixel_offset :], source.header.source_syntax)
    start = len(source.header.head) + len(source.header.pixel_header)
    return plain[start : start + source.pixel_length]
