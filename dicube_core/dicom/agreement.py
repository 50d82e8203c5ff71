"""A slice's header must describe the frame it stands with: what is served is what is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dicube_core.dataset import uids
from dicube_core.dataset.elements import PIXEL_DATA, complete_length, walk
from dicube_core.dataset.find import PIXEL_ELEMENTS, WANTED, walked_values
from dicube_core.dicom.file_front import TRANSFER_SYNTAX, encoding_found
from dicube_core.dicom.pixel_fields import FLOAT_TAGS, described
from dicube_core.exceptions import DataConsistencyError, MetaDataError

if TYPE_CHECKING:
    from dicube_core.dicom.headers import SliceHeader
    from dicube_core.pixel_header import PixelDataHeader
    from dicube_core.pixels import PixelFormat

__all__ = ["require_agreement", "sound_values"]

#: What has no place behind the pixels.
_NOT_BEHIND = PIXEL_ELEMENTS | WANTED


def require_agreement(
    header: SliceHeader, index: int, pixel_format: PixelFormat, pixel_header: PixelDataHeader
) -> None:
    """Refuse a header that describes other pixels.

    Raises
    ------
    DataConsistencyError
        Another size, other bit fields, another slope or intercept, or no Pixel Data element that
        the frame fits; the message names the slice.
    """
    where = f"{header.name} (slice {index})"
    values = sound_values(header, where)
    found, rescale = described(values, header.name)
    if found != pixel_format:
        raise DataConsistencyError(
            f"{where}: its header describes {found}, the frames are {pixel_format}",
            suggestion="edit the pixels and their description together, through a new image",
        )
    _require_pixel_element(header, index, pixel_format)
    expected = pixel_header.rescale(index)
    if rescale != expected:
        raise DataConsistencyError(
            f"{where}: its header says slope and intercept {rescale}, the pixel header {expected}",
            suggestion="set both, or neither",
        )


def sound_values(header: SliceHeader, where: str) -> dict[int, bytes]:
    """Return `header_values`, and check that nothing swallows the frames or takes their place.

    Raises
    ------
    DataConsistencyError
        What is delivered would be read in another way; `where` is put in front.
    """
    tail, rest = header.tail, header.rest
    try:
        values, place = walked_values(header)
        after = [e.tag for e in walk(tail, header.encoding)] if tail else []
        meta = list(walk(header.file_meta))
        behind = complete_length(tail + rest, header.encoding) if rest else 0
    except MetaDataError as exc:
        raise DataConsistencyError(f"{where}: its header is damaged: {exc.message}") from exc
    others = _NOT_BEHIND.intersection(after)
    if place is not None:
        others = frozenset((next(walk(header.head, header.encoding, place, until=0)).tag,))
    if others:
        tag = min(others)
        raise DataConsistencyError(
            f"{where}: element ({tag >> 16:04X},{tag & 0xFFFF:04X}) stands where it would change "
            "the meaning of the pixels"
        )
    if rest and behind != len(tail):
        raise DataConsistencyError(f"{where}: what follows the pixels is damaged")
    preamble = header.preamble
    if preamble and (len(preamble) != 132 or preamble[128:] != b"DICM"):
        raise DataConsistencyError(f"{where}: its preamble is damaged")
    # Group 0002 says how the data set is encoded; nothing of the data set may go on with it.
    if any(e.tag >> 16 != 0x0002 for e in meta) or header.head[:2] == b"\x02\0":
        raise DataConsistencyError(f"{where}: its file meta information is damaged")
    for element in meta:
        if element.tag != TRANSFER_SYNTAX:
            continue
        stated = header.file_meta[element.value : element.value_stop].decode("latin-1")
        if stated.rstrip(" \0") not in ("", header.source_syntax):
            raise DataConsistencyError(
                f"{where}: its file meta information names the transfer syntax {stated!r}, the "
                f"source was in {header.source_syntax!r}"
            )
    _require_encoding_is_seen(header, where)
    return values


def _require_encoding_is_seen(header: SliceHeader, where: str) -> None:
    """Check that readers, who go by the first element, take the encoding for what it is."""
    first = header.head or header.pixel_header
    said = uids.EXPLICIT_LE if header.explicit else uids.IMPLICIT_LE
    if encoding_found(first, 0, said) != header.encoding:
        raise DataConsistencyError(
            f"{where}: its first element does not show how it is encoded",
            suggestion="an element without value representation must not be the first",
        )


def _require_pixel_element(header: SliceHeader, index: int, pixel_format: PixelFormat) -> None:
    """Check that the frame and its padding are what the header of Pixel Data announces."""
    length = pixel_format.native_length + len(header.padding)
    tag = FLOAT_TAGS[pixel_format.bits_allocated] if pixel_format.real else PIXEL_DATA
    element = next(walk(header.pixel_header, header.encoding, until=tag), None)
    if (
        element is None
        or element.tag != tag
        or element.value != len(header.pixel_header)
        or element.value_stop != element.value + length
    ):
        raise DataConsistencyError(
            f"{header.name} (slice {index}): its Pixel Data is not of {length} bytes"
        )
