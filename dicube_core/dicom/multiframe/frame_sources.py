"""Frames of multi-frame sources, each as a source of its own to read the stored values of."""

from __future__ import annotations

import os
import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Self

from dicube_core.dataset.elements import EXPLICIT_LITTLE, PIXEL_DATA, element_header
from dicube_core.dicom.multiframe.fragments import frames_of_fragments
from dicube_core.dicom.multiframe.pieces import element
from dicube_core.dicom.scan import PixelKind, SliceSource, converted_pixels
from dicube_core.exceptions import DataConsistencyError, MetaDataError, UnsupportedKindError

if TYPE_CHECKING:
    from dicube_core.dicom.multiframe.fragments import Fragment
    from dicube_core.dicom.series import SourceSeries
    from dicube_core.pixels import PixelFormat

__all__ = ["FrameSources"]

_SEQUENCE_END = b"\xfe\xff\xdd\xe0\0\0\0\0"
_ITEM = b"\xfe\xff\x00\xe0"
#: What a decoder must know of a frame, with the VR it has.
_DESCRIPTION = {
    0x00280002: b"US",
    0x00280004: b"CS",
    0x00280006: b"US",
    0x00280010: b"US",
    0x00280011: b"US",
    0x00280100: b"US",
    0x00280101: b"US",
    0x00280102: b"US",
    0x00280103: b"US",
}
#: Data sets without random access (deflated, big endian) that are kept whole at the same time.
_KEPT = 2


class FrameSources:
    """The frames of a series as single-frame sources, in the file's order. Safe for threads.

    Frames of uncompressed sources are places in their file. Frames of compressed ones are found
    once per instance, and read one by one. Data sets that cannot be entered in the middle
    (deflated, big endian) are in memory while their frames are read.

    Parameters
    ----------
    series : SourceSeries
        As built.
    """

    def __init__(self, series: SourceSeries) -> None:
        self._series = series
        self._lock = threading.Lock()
        self._fragments: dict[int, list[list[Fragment]]] = {}
        self._plain: dict[int, bytes] = {}
        self._described: dict[int, bytes] = {}

    def __len__(self) -> int:
        return len(self._series.slices)

    def source(self, frame: int) -> SliceSource:
        """Return one frame as an instance of its own, for `read_stored_values`.

        Raises
        ------
        MetaDataError
            The frames of a compressed source cannot be told apart.
        DataConsistencyError
            The file changed since it was scanned.
        UnsupportedKindError
            There are bits behind the last pixel, which would be lost.
        """
        series = self._series
        if series.frame_map is None:
            return series.slices[frame]
        instance = series.frame_map.instance(frame)
        number = series.frame_map.number(frame)
        item = series.instances[instance]
        count = len(series.frame_map.frames_of(instance))
        if count == 1:
            return item
        try:
            if item.kind is PixelKind.ENCAPSULATED:
                return self._compressed(instance, item, count, number)
            if item.kind is PixelKind.CONVERTED:
                item = self._in_memory(instance, item)
            return _native(item, count, number, series.pixel_format)
        except MetaDataError as exc:
            if exc.message.startswith(item.header.name):
                raise
            raise MetaDataError(
                f"{item.header.name}: frame {number}: {exc.message}",
                suggestion=exc.suggestion,
                details={"path": item.header.name, "frame": number},
            ) from exc

    def _in_memory(self, instance: int, item: SliceSource) -> SliceSource:
        with self._lock:
            data = self._plain.get(instance)
            if data is None:
                if len(self._plain) >= _KEPT:
                    self._plain.pop(next(iter(self._plain)))
                data = self._plain[instance] = converted_pixels(item)
        return replace(
            item, origin=data, size=len(data), modified=0, kind=PixelKind.NATIVE, pixel_offset=0
        )

    def _compressed(self, instance: int, item: SliceSource, count: int, number: int) -> SliceSource:
        with self._lock:
            frames = self._fragments.get(instance)
            if frames is None:
                extended = (item.values.get(0x7FE00001, b""), item.values.get(0x7FE00002, b""))
                place = (item.pixel_offset, item.pixel_length)
                with _Bytes(item) as file:
                    frames = frames_of_fragments(
                        file.read, place, count, item.header.source_syntax, extended
                    )
                self._fragments[instance] = frames
                self._described[instance] = _description(item)
        front = self._described[instance]
        with _Bytes(item) as file:
            parts = [file.read(offset, length) for offset, length in frames[number]]
        pixels = b"".join(_ITEM + len(part).to_bytes(4, "little") + part for part in parts)
        value = _ITEM + bytes(4) + pixels + _SEQUENCE_END
        data = front + value
        return replace(
            item,
            origin=data,
            size=len(data),
            modified=0,
            pixel_offset=len(front),
            pixel_length=len(value),
        )


def _description(item: SliceSource) -> bytes:
    """Return a DICOM file up to the value of its Pixel Data: what decoders ask for, no more."""
    import io

    from pydicom import dcmread

    file = io.BytesIO(item.origin) if isinstance(item.origin, bytes) else item.origin
    parts = []
    try:
        # From the source itself: the header that is kept describes decoded samples.
        found = dcmread(file, force=True, stop_before_pixels=True, specific_tags=[*_DESCRIPTION])
        for tag, vr in _DESCRIPTION.items():
            if tag not in found:
                continue
            value = found[tag].value
            raw = str(value).encode("latin-1") if vr == b"CS" else int(value).to_bytes(2, "little")
            parts.append(element(tag, vr, raw, EXPLICIT_LITTLE))
    except Exception as exc:  # pydicom raises whatever comes
        # Some of what it says are internals of its own.
        why = f": {exc}" if isinstance(exc, ValueError) else ""
        raise MetaDataError(f"its description of pixels cannot be read{why}") from exc
    parts.append(element_header(PIXEL_DATA, b"OB", 0xFFFFFFFF, EXPLICIT_LITTLE))
    syntax = element(0x00020010, b"UI", item.header.source_syntax.encode(), EXPLICIT_LITTLE)
    length = element(0x00020000, b"UL", len(syntax).to_bytes(4, "little"), EXPLICIT_LITTLE)
    return b"".join((bytes(128), b"DICM", length, syntax, *parts))


class _Bytes:
    """Bytes of a source, which must be the file that was scanned."""

    def __init__(self, item: SliceSource) -> None:
        self._item = item

    def __enter__(self) -> Self:
        item = self._item
        if isinstance(item.origin, bytes):
            return self
        self._fd = os.open(item.origin, os.O_RDONLY | getattr(os, "O_BINARY", 0))
        status = os.fstat(self._fd)
        if (status.st_size, status.st_mtime_ns) != (item.size, item.modified):
            os.close(self._fd)
            raise DataConsistencyError(f"{item.header.name}: the file changed while it was read")
        return self

    def __exit__(self, *exc: object) -> None:
        if not isinstance(self._item.origin, bytes):
            os.close(self._fd)

    def read(self, offset: int, length: int) -> bytes:
        """Return bytes at an offset, all of them or an error."""
        origin = self._item.origin
        if isinstance(origin, bytes):
            data = origin[offset : offset + length]
        else:
            os.lseek(self._fd, offset, os.SEEK_SET)
            parts, missing = [], length
            while missing > 0 and (part := os.read(self._fd, missing)):
                parts.append(part)
                missing -= len(part)
            data = b"".join(parts)
        if len(data) != length:
            raise DataConsistencyError(f"{self._item.header.name}: the file was cut")
        return data


def _native(item: SliceSource, count: int, number: int, pixel_format: PixelFormat) -> SliceSource:
    """Return one frame of uncompressed Pixel Data."""
    bits = pixel_format.native_bits
    start = number * bits
    if bits % 8 == 0:
        return replace(item, pixel_offset=item.pixel_offset + start // 8, pixel_length=bits // 8)
    # Single bits go on from frame to frame (PS3.5 8.1.1): brought to begin with a byte.
    first, stop = start // 8, -(-(start + bits) // 8)
    with _Bytes(item) as file:
        data = file.read(item.pixel_offset + first, stop - first)
    number_of_bits = int.from_bytes(data, "little") >> start % 8
    if number == count - 1 and number_of_bits >> bits:
        raise UnsupportedKindError(
            f"{item.header.name}: one-bit frames with data in the bits behind the last pixel "
            "cannot be kept whole by this version",
            suggestion="keep such files as DICOM",
            details={"path": item.header.name},
        )
    aligned = (number_of_bits & ((1 << bits) - 1)).to_bytes(-(-bits // 8), "little")
    return replace(
        item,
        origin=aligned,
        size=len(aligned),
        modified=0,
        pixel_offset=0,
        pixel_length=len(aligned),
    )
