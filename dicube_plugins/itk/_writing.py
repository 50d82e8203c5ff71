"""Write an itk image."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Literal

import itk
import numpy as np

from dicube_core.exceptions import UnsupportedKindError
from dicube_plugins.insight import Grid
from dicube_plugins.insight.series import ItkImage, write_series

if TYPE_CHECKING:
    import os

__all__ = ["write"]

_KEY = re.compile(r"[0-9a-fA-F]{4}\|[0-9a-fA-F]{4}")


def write(
    image_or_filter: Any,
    path: str | os.PathLike[str],
    *,
    quantize: Literal["uint16"] | None = None,
    modality: str | None = None,
    keep_uids: bool = False,
) -> None:
    """Write an image; see `imwrite`."""
    image = itk.output(image_or_filter)
    image.Update()
    known = hasattr(image, "GetBufferedRegion")
    if not known or image.GetNumberOfComponentsPerPixel() not in (1, 3):
        raise UnsupportedKindError(
            f"{path}: {type(image).__name__} cannot be stored; a .dcbs file holds one real number "
            "per voxel, or three of colour",
            suggestion="write each component as a series of its own",
        )
    # A view: it is used here only, while the caller holds the image.
    array = np.asarray(itk.array_view_from_image(image))
    write_series(
        ItkImage(array, _grid(image), _entries(image), image.GetNumberOfComponentsPerPixel()),
        path,
        quantize=quantize,
        modality=modality,
        identifiers=keep_uids,
    )


def _grid(image: Any) -> Grid:
    region = image.GetBufferedRegion()
    direction = np.asarray(itk.array_from_matrix(image.GetDirection()))
    return Grid(
        size=tuple(int(v) for v in region.GetSize()),
        spacing=tuple(float(v) for v in image.GetSpacing()),
        # itk's indices need not start at 0, and its origin is where index 0 is.
        origin=tuple(float(v) for v in image.TransformIndexToPhysicalPoint(region.GetIndex())),
        direction=tuple(float(v) for v in direction.ravel()),
    )


def _entries(image: Any) -> dict[str, str]:
    """Return what the dictionary says as text in ITK's words for DICOM elements."""
    dictionary = image.GetMetaDataDictionary()
    found = {key: dictionary[key] for key in dictionary.GetKeys() if _KEY.fullmatch(key)}
    return {key: text for key, text in found.items() if isinstance(text, str)}
