"""An instance's header must describe the frames that belong to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dicube_core.dataset.elements import walk
from dicube_core.dicom.agreement import sound_values
from dicube_core.dicom.multiframe.kinds import NUMBER_OF_FRAMES, frames_text
from dicube_core.dicom.pixel_fields import pixel_format_of
from dicube_core.exceptions import DataConsistencyError

if TYPE_CHECKING:
    from dicube_core.dicom.headers import SliceHeader
    from dicube_core.pixels import PixelFormat

__all__ = ["require_instance_agreement"]


def require_instance_agreement(
    header: SliceHeader, frame_count: int, pixel_format: PixelFormat
) -> None:
    """Refuse a header that describes other frames, or another number of them.

    Raises
    ------
    DataConsistencyError
        The message names the instance.
    """
    values = sound_values(header, header.name)
    announced = frames_text(values.get(NUMBER_OF_FRAMES, b"").decode("latin-1"))
    if announced != frame_count:
        raise DataConsistencyError(
            f"{header.name}: NumberOfFrames is {announced}, {frame_count} frames belong to it",
            suggestion="edit the frames and their number together, through a new image",
        )
    found = pixel_format_of(values, header.name)
    if found != pixel_format:
        raise DataConsistencyError(
            f"{header.name}: its header describes {found}, the frames are {pixel_format}",
            suggestion="edit the pixels and their description together, through a new image",
        )
    length = -(-pixel_format.native_bits * frame_count // 8) + len(header.padding)
    element = next(walk(header.pixel_header, header.encoding, until=header.pixel_tag), None)
    if (
        element is None
        or element.value != len(header.pixel_header)
        or element.value_stop != element.value + length
    ):
        raise DataConsistencyError(f"{header.name}: its Pixel Data is not of {length} bytes")
