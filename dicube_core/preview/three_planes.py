"""Three planes of a volume as one picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dicube_core.preview.pictures import Sheet
from dicube_core.preview.planes import plane_values, planes_of
from dicube_core.preview.view import SeriesView
from dicube_core.preview.window import window_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PIL.Image import Image

    from dicube_core.image import DicomCubeImage
    from dicube_core.preview.planes import Plane
    from dicube_core.reader import Reader

__all__ = ["planes_picture"]


def planes_picture(
    series: Reader | DicomCubeImage,
    *,
    size: int = 384,
    window: tuple[float, float] | None = None,
    volume: int = 0,
    at: Sequence[int] | None = None,
) -> Image:
    """Draw three planes of a volume side by side, all in one scale, with orientation letters.

    Parameters
    ----------
    series : Reader or DicomCubeImage
        An open file, or an image.
    size : int
        Pixels of the longest side of the volume.
    window : (center, width), optional
        In modality values. By default the file's own, else what holds 98 % of the values.
    volume : int
        Which, where the series has several; 0-based, the last dimension changes fastest.
    at : (frame, row, column), optional
        Voxel of the volume that the planes meet in; by default that in the middle.

    Returns
    -------
    PIL.Image.Image
        8-bit greyscale, or RGB for colour.

    Raises
    ------
    GeometryError
        The slices form no regular grid, so that distances between them would be made up.
    MissingDependencyError
        Pillow is not installed.
    DicomCubeError
        A frame is damaged.
    """
    import numpy as np

    view = SeriesView(series)
    frames, geometry = view.volume(volume)
    planes = list(planes_of(geometry, at).values())
    scale = size / max(max(plane.extent) for plane in planes)
    boxes = [
        (max(1, round(plane.extent[1] * scale)), max(1, round(plane.extent[0] * scale)))
        for plane in planes
    ]
    height = max(14, size // 22)
    head, gap = 2 * height, height // 2
    widths = [max(box[0], height * 14) for box in boxes]
    whole = (sum(widths) + gap * (len(planes) - 1), head + max(box[1] for box in boxes))
    sheet = Sheet(whole, colour=view.colour, font_size=height * 3 // 4)
    values = plane_values(view, frames, planes, scale)
    if not view.colour:
        shown = window_of(view, window, np.concatenate([one.ravel() for one in values]))
        values = [shown.grey(one) for one in values]
    left = 0
    for plane, box, width, pixels in zip(planes, boxes, widths, values, strict=True):
        corner = (left + (width - box[0]) // 2, head)
        sheet.paste(np.ascontiguousarray(pixels), corner, box)
        sheet.write(plane.title, (left + width // 2, height), "mm")
        _write_letters(sheet, plane, corner, box)
        left += width + gap
    if view.volume_count > 1:
        sheet.write(f"volume {volume} of {view.volume_count}", (4, whole[1] - 4), "ld")
    return sheet.image


def _write_letters(
    sheet: Sheet, plane: Plane, corner: tuple[int, int], box: tuple[int, int]
) -> None:
    left, right, above, below = plane.letters
    (x, y), (width, height) = corner, box
    sheet.write(left, (x + 4, y + height // 2), "lm")
    sheet.write(right, (x + width - 4, y + height // 2), "rm")
    sheet.write(above, (x + width // 2, y + 3), "ma")
    sheet.write(below, (x + width // 2, y + height - 3), "md")
