"""What all pictures need of Pillow, which is imported when it is used."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from dicube_core.exceptions import MissingDependencyError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from PIL.Image import Image

__all__ = ["Sheet", "evenly_spaced", "png_bytes"]

#: Thickness of the dark edge around letters, which keeps them legible on anything.
_EDGE = 2


def _pillow() -> tuple[Any, Any, Any]:
    try:
        from PIL import Image, ImageDraw, ImageFont
    except ImportError as exc:
        raise MissingDependencyError(
            "Pillow is needed for pictures", suggestion="pip install 'dicube-plugins[cli]'"
        ) from exc
    return Image, ImageDraw, ImageFont


class Sheet:
    """A dark sheet to put pictures and words on.

    Parameters
    ----------
    size : (width, height)
        In pixels.
    colour : bool
        RGB instead of grey.
    font_size : int
        Height of letters in pixels.

    Raises
    ------
    MissingDependencyError
        Pillow is not installed.
    """

    def __init__(self, size: tuple[int, int], *, colour: bool, font_size: int) -> None:
        self._pil, draw, fonts = _pillow()
        self.image: Image = self._pil.new("RGB" if colour else "L", size)
        self._draw = draw.Draw(self.image)
        self._font = fonts.load_default(size=font_size)

    def paste(
        self, pixels: npt.NDArray[np.uint8], corner: tuple[int, int], size: tuple[int, int]
    ) -> None:
        """Put an array of shape (rows, columns) or (rows, columns, 3) into a box of this size."""
        picture = self._pil.fromarray(pixels)
        if picture.size != size:
            picture = picture.resize(size, self._pil.Resampling.BILINEAR)
        self.image.paste(picture, corner)

    def write(self, text: str, at: tuple[int, int], anchor: str = "la") -> None:
        """Write a line; `anchor` says which point of it is at `at`, as Pillow names them."""
        self._draw.text(
            at,
            text,
            fill="white",
            font=self._font,
            anchor=anchor,
            stroke_width=_EDGE,
            stroke_fill="black",
        )


def png_bytes(image: Image) -> bytes:
    """Return a picture as a PNG file."""
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def evenly_spaced(count: int, most: int) -> list[int]:
    """Return at most `most` numbers below `count`, the first and the last among them."""
    if count <= most:
        return list(range(count))
    if most == 1:
        return [count // 2]
    return [round(i * (count - 1) / (most - 1)) for i in range(most)]
