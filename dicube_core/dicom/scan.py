"""Read the header of one DICOM file: once, and without interpreting what is only kept.

Plain files (explicit or implicit VR little endian) are walked directly and their pixels are left
on disk. Everything else is normalised to Explicit VR Little Endian first: deflated and big endian
data sets by this package, compressed pixel data by pydicom when the pixels are asked for.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from dicube_core.dataset import uids
from dicube_core.dataset.elements import (
    EXPLICIT_BIG,
    EXPLICIT_LITTLE,
    LONG_VRS,
    PIXEL_DATA,
    Encoding,
    NeedMoreBytesError,
    complete_length,
    element_header,
    walk,
)
from dicube_core.dataset.find import (
    PIXEL_ELEMENTS,
    UNDEFINED,
    WANTED,
    find_explicit,
    find_implicit,
)
from dicube_core.dicom.file_front import encoding_found, no_data_set, read_file_meta
from dicube_core.dicom.headers import SliceHeader
from dicube_core.dicom.multiframe.fragments import require_one_frame
from dicube_core.dicom.multiframe.kinds import frames_text
from dicube_core.dicom.pixel_fields import native_bits
from dicube_core.dicom.source_file import SourceFile
from dicube_core.exceptions import (
    InvalidCubeFileError,
    MetaDataError,
    SeriesError,
    UnsupportedKindError,
)

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["NotDicomError", "PixelKind", "SliceSource", "converted_pixels", "scan"]

#: Longest value of an element with a defined length.
_MAX_ELEMENT = UNDEFINED - 1


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

    @property
    def frame_count(self) -> int:
        """Number of frames."""
        return frames_text(self.text(0x00280008))

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
    try:
        file = SourceFile(origin)
    except InvalidCubeFileError as exc:
        raise NotDicomError(f"{name}: {exc.message.rpartition(': ')[2]}") from exc
    except MetaDataError as exc:
        raise MetaDataError(f"{name}: {exc.message}", details={"path": name}) from exc
    try:
        while True:
            try:
                return _scan(file, name)
            except NeedMoreBytesError as exc:
                if len(file.front) == file.size:
                    raise
                # Nothing is that long: once more with all there is, to say what is cut.
                file.grow(min(exc.needed, file.size))
    except NotDicomError:
        raise
    except MetaDataError as exc:
        raise MetaDataError(
            f"{name}: {exc.message}", suggestion=exc.suggestion, details={"path": name}
        ) from exc
    finally:
        file.close()


def _scan(file: SourceFile, name: str) -> SliceSource:
    front = file.front
    preamble = front[:132] if front[128:132] == b"DICM" else b""
    reason = "" if preamble else no_data_set(front, file.size)
    if reason:
        raise NotDicomError(f"{name}: {reason}")
    syntax, class_uid, start = read_file_meta(front, len(preamble))
    if class_uid == uids.DICOMDIR_CLASS:
        raise NotDicomError(f"{name}: a DICOMDIR, not an image")
    encoding = encoding_found(front, start, syntax)
    if encoding == EXPLICIT_BIG:
        syntax = uids.EXPLICIT_BE
    meta = (preamble, front[len(preamble) : start], syntax, name)
    if syntax in (uids.DEFLATED, uids.EXPLICIT_BE):
        return _scan_converted(file, meta, start, syntax)
    return _scan_little(file, meta, start, encoding)


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
    vr = front[at + 4 : at + 6]
    if encoding.explicit and vr not in LONG_VRS:
        raise MetaDataError(
            f"Pixel Data at byte {at} has the value representation {vr!r}, OB or OW is expected"
        )
    if not native:
        return _scan_encapsulated(file, meta, start, values, (at, value), encoding=encoding)
    if value + length > file.size:
        raise MetaDataError(
            f"Pixel Data at byte {at} needs {length} bytes, the file ends at byte {file.size}"
        )
    frame = _frame_bytes(values, length)
    padding_and_tail = file.tail(value + frame)
    padding, tail = padding_and_tail[: length - frame], padding_and_tail[length - frame :]
    tail, rest = _split_tail(tail, encoding, value + length)
    parts = (front[start:at], front[at:value], padding, tail)
    header = _header(meta, encoding, parts, exact=True, rest=rest)
    return _source(file, header, values, PixelKind.NATIVE, (value, frame))


def _frame_bytes(values: dict[int, bytes], length: int) -> int:
    """Size of the frames that Pixel Data should hold; kinds are refused later, by name."""
    frames = frames_text(values.get(0x00280008, b"").decode("latin-1"))
    size = -(-native_bits(values) * frames // 8)
    return size if 0 < size <= length else length


def _header(
    meta: tuple[bytes, bytes, str, str],
    encoding: Encoding,
    parts: tuple[bytes, bytes, bytes, bytes],
    *,
    exact: bool,
    rest: bytes = b"",
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
        rest=rest,
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
    *,
    encoding: Encoding,
) -> SliceSource:
    """Keep what surrounds compressed pixel data; its uncompressed form takes its place."""
    data = file.whole()
    at, value = place
    element = next(walk(data, encoding, at))
    if frames_text(values.get(0x00280008, b"").decode("latin-1")) == 1:
        require_one_frame(data[value : element.stop], meta[2])
    head = _without_offset_tables(data[start:at], encoding)
    tail, rest = _split_tail(data[element.stop :], encoding, element.stop)
    header = _header(meta, encoding, (head, b"", b"", tail), exact=False, rest=rest)
    header = _restorable(header, values)
    if values.get(0x00280002) == b"\3\0":
        header = _decoded_colour(header, values, data[value : element.stop])
    return _source(file, header, values, PixelKind.ENCAPSULATED, (value, element.stop - value))


def _without_offset_tables(head: bytes, encoding: Encoding) -> bytes:
    """Drop what describes fragments that will be gone: offset tables, and the group's length."""
    for element in walk(head, encoding):
        if element.tag in (0x7FE00000, 0x7FE00001, 0x7FE00002):
            return head[: element.start] + _without_offset_tables(head[element.stop :], encoding)
    return head


def _restorable(header: SliceHeader, values: dict[int, bytes]) -> SliceHeader:
    """Give a normalised slice the Pixel Data header of its uncompressed form."""
    bits = int.from_bytes(values.get(0x00280100, b"")[:2], "little")
    length = _frame_bytes(values, _MAX_ELEMENT)
    if length >= _MAX_ELEMENT:
        raise UnsupportedKindError(
            f"{header.name}: compressed frames that take more than 4 GiB uncompressed cannot be "
            "kept whole by this version",
            suggestion="keep such files as DICOM",
            details={"path": header.name},
        )
    padding = b"\0" * (length % 2)
    vr = b"OW" if bits > 8 else b"OB"
    pixel_header = element_header(PIXEL_DATA, vr, length + len(padding), header.encoding)
    return replace(header, pixel_header=pixel_header, padding=padding)


def _decoded_colour(
    header: SliceHeader, values: dict[int, bytes], pixel_data: bytes
) -> SliceHeader:
    """Say of a compressed colour source what its samples are once they are decoded."""
    from dicube_core.dicom.colour import decoded_photometric, relabelled

    # The first item is the Basic Offset Table, the second begins the first frame (PS3.5 A.4).
    start = 16 + int.from_bytes(pixel_data[4:8], "little")
    length = int.from_bytes(pixel_data[start - 4 : start], "little")
    frame = pixel_data[start : start + length]
    source = values.get(0x00280004, b"").decode("latin-1").strip(" \0")
    decoded = decoded_photometric(source, header.source_syntax, frame)
    if decoded != source:
        values[0x00280004] = decoded.encode("latin-1")
        header = relabelled(header, decoded)
        length = _frame_bytes(values, _MAX_ELEMENT)
        padding = b"\0" * (length % 2)
        vr = header.pixel_header[4:6]
        pixel_header = element_header(PIXEL_DATA, vr, length + len(padding), header.encoding)
        header = replace(header, pixel_header=pixel_header, padding=padding)
    return header


def _split_tail(data: bytes, encoding: Encoding, offset: int) -> tuple[bytes, bytes]:
    """Return the elements behind the pixels, and what is no whole element behind them.

    They must be a data set too, without other pixels and without what tells how to read them.
    """
    if not data:
        return b"", b""
    try:
        stop = complete_length(data, encoding)
    except MetaDataError as exc:
        raise MetaDataError(f"behind the pixels, from byte {offset} on: {exc.message}") from exc
    for element in walk(data, encoding, 0, stop):
        if element.tag in PIXEL_ELEMENTS or element.tag in WANTED:
            raise MetaDataError(
                f"element ({element.tag >> 16:04X},{element.tag & 0xFFFF:04X}) at byte "
                f"{offset + element.start}, behind the pixels, where it would change their meaning"
            )
    return data[:stop], data[stop:]


def _scan_converted(
    file: SourceFile, meta: tuple[bytes, bytes, str, str], start: int, syntax: str
) -> SliceSource:
    """Normalise a deflated or big endian data set, then scan it like any other."""
    try:
        data = normalised(file.whole()[start:], syntax)
        values, place = find_explicit(data, 0, len(data))
    except MetaDataError as exc:
        raise MetaDataError(
            f"in the {'deflated' if syntax == uids.DEFLATED else 'big endian'} data set that "
            f"begins at byte {start}: {exc.message}",
            suggestion=exc.suggestion,
        ) from exc
    if place is None:
        header = _header(meta, EXPLICIT_LITTLE, (data, b"", b"", b""), exact=False)
        return _source(file, header, values, PixelKind.NONE, (0, 0))
    at, value, length = place
    if length == UNDEFINED or value + length > len(data):
        raise MetaDataError(f"Pixel Data at byte {at} of the data set is cut or encapsulated")
    vr = data[at + 4 : at + 6]
    if vr not in LONG_VRS:
        raise MetaDataError(
            f"Pixel Data at byte {at} of the data set has the value representation {vr!r}, OB or "
            "OW is expected"
        )
    frame = _frame_bytes(values, length)
    padding = data[value + frame : value + length]
    tail, rest = _split_tail(data[value + length :], EXPLICIT_LITTLE, value + length)
    parts = (data[:at], data[at:value], padding, tail)
    header = _header(meta, EXPLICIT_LITTLE, parts, exact=False, rest=rest)
    return _source(file, header, values, PixelKind.CONVERTED, (start, frame))


def normalised(data: bytes, syntax: str) -> bytes:
    """Turn a deflated or big endian data set into Explicit VR Little Endian.

    Raises
    ------
    MetaDataError
        The data is damaged, or would not be seen to be explicit once it is not deflated.
    """
    from dicube_core.dataset import transcode

    if syntax == uids.DEFLATED:
        data = transcode.inflate(data)
        if encoding_found(data, 0, uids.EXPLICIT_LE) != EXPLICIT_LITTLE:
            raise MetaDataError("its first element has no value representation")
        return data
    stop = complete_length(data, EXPLICIT_BIG)
    rest = len(data) - stop
    if rest < 8 or not data[stop:].strip(b"\0"):  # zeros, which readers take for elements
        data = data[: stop + rest // 8 * 8]
    return transcode.big_to_little(data)


def converted_pixels(source: SliceSource) -> bytes:
    """Return the stored values of a deflated or big endian source, little endian."""
    data = source.origin if isinstance(source.origin, bytes) else source.origin.read_bytes()
    plain = normalised(data[source.pixel_offset :], source.header.source_syntax)
    start = len(source.header.head) + len(source.header.pixel_header)
    return plain[start : start + source.pixel_length]
