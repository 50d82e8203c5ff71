"""A slice's header must describe the frame it stands with: what is served is what is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dicube_core.dataset.elements import PIXEL_DATA, walk
from dicube_core.dataset.find import header_values
from dicube_core.dicom.pixel_fields import FLOAT_TAGS, pixel_format_of, rescale_of
from dicube_core.exceptions import DataConsistencyError

if TYPE_CHECKING:
    from dicube_core.dicom.headers import SliceHeader
    from dicube_core.pixel_header import PixelDataHeader
    from dicube_core.pixels import PixelFormat

__all__ = ["require_agreement"]


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
    values, where = header_values(header), f"{header.name} (slice {index})"
    found = pixel_format_of(values, header.name)
    if found != pixel_format:
        raise DataConsistencyError(
            f"{where}: its header describes {found}, the frames are {pixel_format}",
            suggestion="edit the pixels and their description together, through a new image",
        )
    _require_pixel_element(header, index, pixel_format)
    rescale, expected = rescale_of(values), pixel_header.rescale(index)
    if rescale != expected:
        raise DataConsistencyError(
            f"{where}: its header says slope and intercept {rescale}, the pixel header {expected}",
            suggestion="set both, or neither",
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
