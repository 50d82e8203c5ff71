"""Montages that a person can judge a series by."""

from __future__ import annotations

import io
import math
from typing import TYPE_CHECKING, Any

from dicube_core.atomic import AtomicFile
from dicube_core.exceptions import InvalidCubeFileError, MissingDependencyError

if TYPE_CHECKING:
    import os

    import numpy as np
    import numpy.typing as npt
    from PIL.Image import Image

    from dicube_core.reader import Reader

__all__ = ["montage", "write_preview"]


def _pillow() -> tuple[Any, Any, Any]:
    try:
        from PIL import Image, ImageDraw, ImageFont
    except ImportError as exc:
        raise MissingDependencyError(
            "Pillow is needed for pictures", suggestion="pip install 'dicube-plugins[cli]'"
        ) from exc
    return Image, ImageDraw, ImageFont


def montage(
    reader: Reader,
    *,
    max_tiles: int = 36,
    columns: int | None = None,
    tile_width: int = 192,
    window: tuple[float, float] | None = None,
) -> Image:
    """Draw slices side by side, decoded at the lowest resolution that fills a tile.

    Parameters
    ----------
    reader : Reader
        An open file.
    max_tiles : int
        If there are more slices, evenly spaced ones are drawn, the first and last among them.
    columns : int, optional
        Tiles in a row.
    tile_width : int
        Pixels; the height follows from the spacing.
    window : (center, width), optional
        In modality values. By default the file's own, else what holds 98 % of the values.

    Returns
    -------
    PIL.Image.Image
        8-bit greyscale, or RGB for colour. MONOCHROME1 is shown with its lowest values white
        (PS3.3 C.7.6.3.1.2), a palette image by its indices.

    Raises
    ------
    MissingDependencyError
        Pillow is not installed.
    DicomCubeError
        A frame is damaged.
    """
    pil, draw_module, fonts = _pillow()
    if not reader.frame_count:
        raise InvalidCubeFileError(f"{reader.name}: the file has no frames")
    chosen = _chosen(reader.frame_count, max_tiles)
    rows, width = reader.pixel_format.shape[:2]
    level = _level(reader, width, tile_width)
    show = _colour if reader.pixel_format.is_colour else _grey
    tiles = show(reader, chosen, reader.frames(chosen, level=level), window)
    down, across = (1.0, 1.0) if reader.geometry is None else reader.geometry.spacing[1:]
    size = (tile_width, max(1, round(tile_width * rows * down / (width * across))))
    columns = columns or math.ceil(math.sqrt(len(chosen) * size[1] / size[0]))
    columns = min(columns, len(chosen))
    mode = "RGB" if reader.pixel_format.is_colour else "L"
    sheet = pil.new(mode, (columns * size[0], math.ceil(len(chosen) / columns) * size[1]))
    draw = draw_module.Draw(sheet)
    font = fonts.load_default(size=max(10, tile_width // 14))
    for place, (index, tile) in enumerate(zip(chosen, tiles, strict=True)):
        corner = (place % columns * size[0], place // columns * size[1])
        picture = pil.fromarray(tile).resize(size, pil.Resampling.BILINEAR)
        sheet.paste(picture, corner)
        text = (corner[0] + 4, corner[1] + 2)
        draw.text(text, str(index), fill="white", font=font, stroke_width=2, stroke_fill="black")
    result: Image = sheet
    return result


def write_preview(reader: Reader, path: str | os.PathLike[str], **options: Any) -> Image:
    """Write a montage as PNG, replacing a file as a whole or not at all; see `montage`."""
    picture = montage(reader, **options)
    file = io.BytesIO()
    picture.save(file, "PNG")
    with AtomicFile(path) as atomic:
        atomic.file.write(file.getbuffer())
        atomic.commit()
    return picture


def _chosen(count: int, most: int) -> list[int]:
    if count <= most:
        return list(range(count))
    if most == 1:
        return [count // 2]
    return [round(i * (count - 1) / (most - 1)) for i in range(most)]


def _level(reader: Reader, width: int, tile_width: int) -> int:
    """Return the number of halvings that keep at least the width of a tile."""
    if not reader.codec_name.startswith("htj2k"):
        return 0  # there is one resolution only
    available = reader.inspect(0, reader.codestream(0)).levels
    return min(available, max(0, int(math.log2(max(1, width / tile_width)))))


def _grey(
    reader: Reader,
    chosen: list[int],
    frames: npt.NDArray[Any],
    window: tuple[float, float] | None,
) -> npt.NDArray[np.uint8]:
    """Return the frames as they are to be shown."""
    import numpy as np

    rescale = np.asarray([reader.pixel_header.rescale(index) for index in chosen], np.float32)
    slopes, intercepts = (rescale[:, i].reshape(-1, 1, 1) for i in range(2))
    # NaN and infinities of real values are shown as the lowest and highest numbers.
    values = np.nan_to_num(frames.astype(np.float32)) * slopes + intercepts
    low, high = _range(reader, values, window)
    grey = np.clip((values - low) / max(high - low, 1e-12), 0, 1) * 255
    if _photometric(reader) == "MONOCHROME1":
        grey = 255 - grey
    shown: npt.NDArray[np.uint8] = np.rint(grey).astype(np.uint8)
    return shown


def _colour(
    reader: Reader,
    chosen: list[int],
    frames: npt.NDArray[Any],
    _window: tuple[float, float] | None,
) -> npt.NDArray[np.uint8]:
    """Return colour frames as RGB of 8 bits (PS3.3 C.7.6.3.1.2)."""
    import numpy as np

    pixel_format = reader.pixel_format
    low = -(1 << (pixel_format.bits_stored - 1)) if pixel_format.pixel_representation else 0
    scale = 255 / ((1 << pixel_format.bits_stored) - 1)
    values = (frames.astype(np.float32) - low) * np.float32(scale)
    if pixel_format.photometric_interpretation != "RGB":
        y, blue, red = values[..., 0], values[..., 1] - 128, values[..., 2] - 128
        values = np.stack(
            (y + 1.402 * red, y - 0.344136 * blue - 0.714136 * red, y + 1.772 * blue), axis=-1
        )
    shown: npt.NDArray[np.uint8] = np.rint(np.clip(values, 0, 255)).astype(np.uint8)
    return shown


def _photometric(reader: Reader) -> str:
    return reader.pixel_format.photometric_interpretation


def _range(
    reader: Reader, values: npt.NDArray[np.float32], window: tuple[float, float] | None
) -> tuple[float, float]:
    import numpy as np

    header = reader.pixel_header
    if window is None and header.WindowCenter is not None and header.WindowWidth:
        window = (header.WindowCenter, header.WindowWidth)
    if window is not None and window[1] > 0:
        center, width = window
        return center - width / 2, center + width / 2
    low, high = np.percentile(values, (1, 99))
    return float(low), float(high)
