"""Write SimpleITK images, and what ``sitk.ImageFileWriter`` does for names that end in .dcbs."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Literal

import SimpleITK as sitk

from dicube_core.exceptions import UnsupportedKindError
from dicube_plugins.insight import Grid, itk_errors
from dicube_plugins.insight.series import ItkImage, write_series
from dicube_plugins.simpleitk._pixel_types import BASIC, VECTORS

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["execute_writer", "write"]

_ENDING = ".dcbs"


def write(
    image: Any,
    path: str | os.PathLike[str],
    *,
    quantize: Literal["uint16"] | None = None,
    modality: str | None = None,
    keep_uids: bool = False,
) -> None:
    """Write an image; see `write_image`."""
    _require_kind(image, os.fspath(path))
    grid = Grid(
        size=image.GetSize(),
        spacing=image.GetSpacing(),
        origin=image.GetOrigin(),
        direction=image.GetDirection(),
    )
    entries = {key: image.GetMetaData(key) for key in image.GetMetaDataKeys()}
    # A view: it is used here only, while the caller holds the image.
    array = sitk.GetArrayViewFromImage(image)
    write_series(
        ItkImage(array, grid, entries, image.GetNumberOfComponentsPerPixel()),
        path,
        quantize=quantize,
        modality=modality,
        identifiers=keep_uids,
    )


def _require_kind(image: Any, path: str) -> None:
    vector = image.GetPixelIDValue() in VECTORS and image.GetNumberOfComponentsPerPixel() == 3
    if image.GetPixelIDValue() not in BASIC and not vector:
        raise UnsupportedKindError(
            f"{path}: an image of type {image.GetPixelIDTypeAsString()!r} cannot be stored; a "
            ".dcbs file holds one real number per voxel, or three of colour",
            suggestion="sitk.VectorIndexSelectionCast takes one component, "
            "sitk.LabelMapToLabel makes labels numbers, sitk.ComplexToReal takes one part",
        )
    if image.GetDimension() not in (2, 3):
        raise UnsupportedKindError(
            f"{path}: an image of {image.GetDimension()} dimensions cannot be stored",
            suggestion="write each volume by itself; sitk.Extract takes one out",
        )


def execute_writer(original: Callable[..., Any], writer: Any, *args: Any) -> Any:
    """Write the image if the file's name ends in .dcbs and no other ImageIO is asked for.

    Arguments are those of ``sitk.ImageFileWriter.Execute``: the image, and perhaps file name,
    compression and its level, which stay set on the writer.
    """
    if len(args) > 1:
        name, compress, level = (*args[1:], False, -1)[:3]
        if not _is_ours(name, writer):
            return original(writer, *args)
        writer.SetFileName(name)
        writer.SetUseCompression(compress)
        writer.SetCompressionLevel(level)
    elif not args or not _is_ours(writer.GetFileName(), writer):
        return original(writer, *args)
    with itk_errors():
        write(args[0], writer.GetFileName(), keep_uids=writer.GetKeepOriginalImageUID())
    return None


def _is_ours(name: Any, writer: Any) -> bool:
    return os.fspath(name).lower().endswith(_ENDING) and not writer.GetImageIO()
