"""Shape, type and spacing of a series, as imageio asks for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from imageio.core.v3_plugin_api import ImageProperties

from dicube_plugins.imageio._metadata import pixel_spacing, stated_spacing

if TYPE_CHECKING:
    from types import EllipsisType

    from dicube_core.reader import Reader

__all__ = ["properties_of"]


def properties_of(
    reader: Reader,
    dtype: np.dtype[Any],
    size: tuple[int, ...],
    index: int | slice | EllipsisType | None,
) -> ImageProperties:
    """Return the properties of the whole series, of some slices or of one.

    Parameters
    ----------
    reader : Reader
        The file.
    dtype : dtype
        Of the values that are read.
    size : tuple of int
        Shape of a slice of them.
    index : int, slice, ... or None
        As in `DcbsPlugin.read`.
    """
    if index is None or index is Ellipsis:
        index = slice(None)
    if isinstance(index, slice):
        chosen = range(*index.indices(reader.frame_count))
        return ImageProperties(
            shape=(len(chosen), *size),
            dtype=np.dtype(dtype),
            n_images=len(chosen),
            is_batch=True,
            spacing=_spacing(reader, abs(chosen.step)),
        )
    number = reader.container.frame_number(index)
    spacing = _spacing_within(reader, number)
    return ImageProperties(shape=size, dtype=np.dtype(dtype), spacing=spacing)


def _spacing(reader: Reader, step: int) -> tuple[float, ...] | None:
    meta, found = reader.dicom_meta, None
    if reader.geometry is not None:
        found = reader.geometry.spacing
    elif meta is not None:
        found = stated_spacing(meta)
    return None if found is None else (found[0] * step, *found[1:])


def _spacing_within(reader: Reader, number: int) -> tuple[float, ...] | None:
    if reader.geometry is not None:
        return reader.geometry.spacing[1:]
    return None if reader.dicom_meta is None else pixel_spacing(reader.dicom_meta, number)
