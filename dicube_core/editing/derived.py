"""What a file says beside its headers, derived anew from headers that were edited."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from dicube_core.dataset.find import header_values
from dicube_core.dicom.pixel_fields import numbers
from dicube_core.dicom.series import slice_attributes
from dicube_core.spatial.findings import assess

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dicube_core.dicom.headers import SliceHeader
    from dicube_core.geometry import Geometry
    from dicube_core.pixel_header import PixelDataHeader
    from dicube_core.reader import Reader

__all__ = ["derived_geometry", "derived_pixel_header"]

_CENTER, _WIDTH = 0x00281050, 0x00281051


def derived_geometry(
    reader: Reader, old: Sequence[SliceHeader], new: Sequence[SliceHeader]
) -> tuple[Geometry | None, str]:
    """Return grid and status of the edited slices.

    Parameters
    ----------
    old, new : sequence of SliceHeader
        One per frame. What the edit did not change stays as the file has it, for a file may
        have been given a grid of its own.
    """
    before = [slice_attributes(header_values(header)) for header in old]
    after = [slice_attributes(header_values(header)) for header in new]
    geometry, status = reader.geometry, reader.dicom_status
    if before != after:
        was, is_now = assess(before), assess(after)
        geometry = geometry if was.geometry == is_now.geometry else is_now.geometry
        status = status if was.status == is_now.status else is_now.status
    return geometry, status.value


def derived_pixel_header(
    reader: Reader, old: SliceHeader, new: SliceHeader, *, keep_extras: bool
) -> PixelDataHeader:
    """Return the pixel header: with the window of the first slice if the edit changed it."""
    given = reader.pixel_header
    changes: dict[str, Any] = {} if keep_extras else {"Extras": {}}
    before, after = _window(old), _window(new)
    if before != after:
        changes |= {"WindowCenter": after[0], "WindowWidth": after[1]}
    return replace(given, **changes) if changes else given


def _window(header: SliceHeader) -> tuple[float | None, float | None]:
    values = header_values(header)
    texts = (values.get(tag, b"").decode("latin-1").strip(" \0") for tag in (_CENTER, _WIDTH))
    center, width = (numbers(text) for text in texts)
    return (center[0], width[0]) if center and width else (None, None)
