"""Slices side by side."""

from __future__ import annotations

import math
import os
from typing import TYPE_CHECKING, Any

from dicube_core.atomic import is_same_file, write_bytes
from dicube_core.exceptions import DataConsistencyError, InvalidCubeFileError
from dicube_core.preview.pictures import Sheet, evenly_spaced, png_bytes
from dicube_core.preview.three_planes import planes_picture
from dicube_core.preview.view import SeriesView
from dicube_core.preview.window import window_of

if TYPE_CHECKING:
    from PIL.Image import Image

    from dicube_core.image import DicomCubeImage
    from dicube_core.reader import Reader

__all__ = ["montage", "write_preview"]

#: Height of a tile in widths, at most: else a spacing may ask for gigabytes.
_TALLEST = 4


def montage(
    series: Reader | DicomCubeImage,
    *,
    max_tiles: int = 36,
    columns: int | None = None,
    tile_width: int = 192,
    window: tuple[float, float] | None = None,
) -> Image:
    """Draw slices side by side, decoded at the lowest resolution that fills a tile.

    Parameters
    ----------
    series : Reader or DicomCubeImage
        An open file, or an image.
    max_tiles : int
        If there are more slices, evenly spaced ones are drawn, the first and last among them.
    columns : int, optional
        Tiles in a row.
    tile_width : int
        Pixels; the height follows from the spacing. Slices that are more than four times as high
        as they are wide are drawn narrower.
    window : (center, width), optional
        In modality values. By default the file's own, else what holds 98 % of the values.

    Returns
    -------
    PIL.Image.Image
        8-bit greyscale, or RGB for colour and palettes. MONOCHROME1 is shown with its lowest
        values white (PS3.3 C.7.6.3.1.2).

    Raises
    ------
    MissingDependencyError
        Pillow is not installed.
    DicomCubeError
        A frame is damaged.
    """
    view = SeriesView(series)
    if not view.frame_count:
        raise InvalidCubeFileError(f"{view.name}: the file has no frames")
    chosen = evenly_spaced(view.frame_count, max_tiles)
    rows, width = view.pixel_format.shape[:2]
    down, across = view.in_plane_spacing or (1.0, 1.0)
    aspect = rows * down / (width * across)
    narrow = max(1.0, aspect / _TALLEST)
    size = (
        max(1, round(tile_width / narrow)),
        max(1, round(tile_width * min(aspect, _TALLEST))),
    )
    font_size = max(10, tile_width // 14)
    # Numbers stand beside each other.
    step = max(size[0], min(tile_width, 3 * font_size))
    columns = columns or math.ceil(math.sqrt(len(chosen) * size[1] / step))
    columns = min(columns, len(chosen))
    whole = (columns * step, math.ceil(len(chosen) / columns) * size[1])
    sheet = Sheet(whole, colour=view.colour, font_size=font_size)
    level = view.level_for(width, size[0])
    if narrow > 1:
        level = min(level, view.level_for(rows, size[1]))
    tiles = view.many(chosen, level)
    if not view.colour:
        tiles = window_of(view, window, tiles).grey(tiles)
    for place, (index, tile) in enumerate(zip(chosen, tiles, strict=True)):
        corner = (place % columns * step, place // columns * size[1])
        sheet.paste(tile, corner, size)
        sheet.write(str(index), (corner[0] + 4, corner[1] + 2))
    return sheet.image


def write_preview(
    series: Reader | DicomCubeImage,
    path: str | os.PathLike[str],
    *,
    planes: bool = False,
    **options: Any,
) -> Image:
    """Write a montage as PNG, replacing a file as a whole or not at all; see `montage`.

    Parameters
    ----------
    series : Reader or DicomCubeImage
        An open file, or an image.
    path : path-like
        Of the picture.
    planes : bool
        Draw three planes instead; see `dicube_core.preview.planes_picture`.
    **options
        Of `montage` or `planes_picture`.

    Raises
    ------
    DataConsistencyError
        The picture would replace the file that it is drawn of.
    """
    if is_same_file(path, SeriesView(series).name):
        raise DataConsistencyError(
            f"{os.fspath(path)}: the picture would replace the series that it is drawn of",
            suggestion="give it another name",
        )
    picture = planes_picture(series, **options) if planes else montage(series, **options)
    write_bytes(png_bytes(picture), path)
    return picture
