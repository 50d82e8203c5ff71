"""Read a file as an itk image that owns its memory."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import itk
import numpy as np

from dicube_core.exceptions import MetaDataError, UnsupportedKindError
from dicube_plugins.insight import open_volume
from dicube_plugins.insight.slice_file import SliceHeaders, readable_file, reason_of

if TYPE_CHECKING:
    import os
    from collections.abc import Callable

    from dicube_plugins.insight import Grid, Volume
    from dicube_plugins.insight.slice_file import SliceFile

__all__ = ["read"]

#: numpy's types to itk's, and what takes the place of those that itk's wheels were built without.
_TYPES = {
    "uint8": (itk.UC,),
    "int8": (itk.SC, itk.SS),
    "uint16": (itk.US,),
    "int16": (itk.SS,),
    "uint32": (itk.UI, itk.D),
    "int32": (itk.SI, itk.D),
    "uint64": (itk.UL, itk.ULL),
    "int64": (itk.SL, itk.SLL),
    "float32": (itk.F, itk.D),
    "float64": (itk.D,),
}
#: The same for samples of colour; vectors of floats hold 16 bits. By name, as asking itk for a
#: template loads all of it.
_COLOUR_TYPES = {
    "uint8": (("RGBPixel", itk.UC),),
    "uint16": (("RGBPixel", itk.US), ("Vector", itk.F)),
    "uint32": (("RGBPixel", itk.UI), ("Vector", itk.D)),
}


def read(path: str | os.PathLike[str], pixel_type: Any = None) -> Any:
    """Read a ``.dcbs`` file; see `imread`."""
    with open_volume(path) as volume:
        image = _allocated(volume, pixel_type)
        # The memory is the image's: itk's filters keep images, and know nothing of Python.
        voxels = np.asarray(itk.array_view_from_image(image))
        n, samples = volume.grid.dimension, (3,) * (volume.components > 1)
        if voxels.shape[n:] != samples or voxels.dtype.kind not in "iuf":
            kind = "three numbers of colour" if samples else "one real number"
            raise UnsupportedKindError(
                f"{path}: cannot be read with pixel type {pixel_type}; it holds {kind} per voxel"
            )
        columns, rows = volume.grid.size[:2]
        frames = volume.grid.frames
        volume.fill(frames, voxels.reshape(len(frames), rows, columns, *samples))
        file = SliceHeaders(volume.reader).file(frames[0])
    if file is not None:
        image.SetMetaDataDictionary(_words(file))
    return image


def _allocated(volume: Volume, pixel_type: Any) -> Any:
    grid = volume.grid
    image = _image_class(volume, pixel_type).New()
    region = itk.ImageRegion[grid.dimension]()
    region.SetSize(grid.size)
    image.SetRegions(region)
    image.Allocate()
    _place(image, grid)
    return image


def _image_class(volume: Volume, pixel_type: Any) -> Any:
    dimension = volume.grid.dimension
    if pixel_type is not None:
        return itk.Image[pixel_type, dimension]
    for candidate in _candidates(volume):
        try:
            return itk.Image[candidate(), dimension]
        except (KeyError, itk.TemplateTypeError):  # itk's wheels have a choice of types only
            continue
    colour = "colour of " if volume.components > 1 else ""
    raise UnsupportedKindError(
        f"{volume.reader.name}: this itk has no image of {colour}type {volume.dtype}",
        suggestion="ask for a pixel type, such as itk.F",
    )


def _candidates(volume: Volume) -> list[Callable[[], Any]]:
    """Return what gives pixel types that hold the values, best first."""
    name = volume.dtype.name
    if volume.components == 1:
        return [partial(_same, kind) for kind in _TYPES[name]]
    return [partial(_colour_pixel, *parts) for parts in _COLOUR_TYPES.get(name, ())]


def _same(kind: Any) -> Any:
    return kind


def _colour_pixel(template: str, kind: Any) -> Any:
    return itk.RGBPixel[kind] if template == "RGBPixel" else itk.Vector[kind, 3]


def _place(image: Any, grid: Grid) -> None:
    image.SetSpacing(grid.spacing)
    image.SetOrigin(grid.origin)
    n = grid.dimension
    image.SetDirection(np.array(grid.direction).reshape(n, n))


def _words(file: SliceFile) -> Any:
    """Return the metadata of a slice as itk reads it."""
    try:
        return _dictionary(file.data())
    except RuntimeError:  # itk's word for anything
        data, entries = file.described_anew()
    try:
        dictionary = _dictionary(data)
    except RuntimeError as exc:
        raise MetaDataError(
            f"{file.place}: itk does not read the header of {file.header.name!r}: {reason_of(exc)}",
            suggestion="dicube_core.open(path) gives frames and metadata without it",
        ) from exc
    for key, text in entries.items():
        dictionary[key] = text
    return dictionary


def _dictionary(data: bytes) -> Any:
    with readable_file(data) as path:
        reader = itk.GDCMImageIO.New()
        reader.SetFileName(path)
        reader.ReadImageInformation()
        return itk.MetaDataDictionary(reader.GetMetaDataDictionary())
