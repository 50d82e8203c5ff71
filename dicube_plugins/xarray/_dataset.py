"""An open file as a dataset of xarray."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from xarray.core import indexing

from dicube_core.labels import Coordinate, labels_of, rescale_coordinates
from dicube_core.modality import ModalityTransform
from dicube_plugins.xarray._array import FrameArray

if TYPE_CHECKING:
    from dicube_core.labels import Labels
    from dicube_core.reader import Reader

__all__ = ["dataset_of"]


def dataset_of(reader: Reader, *, stored: bool) -> xr.Dataset:
    """Return an open file as a dataset: lazy values, coordinates and attributes."""
    labels = labels_of(reader)
    array = FrameArray(reader, labels.grid, stored=stored)
    rgb = not stored or reader.pixel_format.photometric_interpretation == "RGB"
    inner = ("y", "x", "rgb" if rgb else "sample")[: len(array.shape) - len(labels.dims)]
    attrs, coordinates = _stored(reader, labels) if stored else _modality(labels, array)
    if inner[-1] == "rgb":
        names = np.array(["red", "green", "blue"])
        coordinates = (*coordinates, Coordinate("rgb", ("rgb",), names, {}))
    chunks = (*(1 for _ in labels.dims), *array.shape[len(labels.dims) :])
    dims = (*labels.dims, *inner)
    image = xr.Variable(
        dims,
        indexing.LazilyIndexedArray(array),
        labels.image_attrs | attrs,
        {"preferred_chunks": dict(zip(dims, chunks, strict=True))},
    )
    return xr.Dataset(
        {"stored" if stored else "image": image},
        {c.name: (c.dims, c.values, c.attrs) for c in coordinates},
        labels.attrs,
    )


def _modality(labels: Labels, array: FrameArray) -> tuple[dict[str, Any], tuple[Coordinate, ...]]:
    colour = array.ndim > len(labels.dims) + 2
    attrs = {"long_name": "red, green and blue" if colour else "modality values"}
    if labels.units and not colour:
        attrs["units"] = labels.units
    return attrs, labels.coordinates


def _stored(reader: Reader, labels: Labels) -> tuple[dict[str, Any], tuple[Coordinate, ...]]:
    """Return what makes modality values of stored ones."""
    transform = ModalityTransform.of_reader(reader)
    attrs: dict[str, Any] = {"long_name": "stored values"}
    if reader.pixel_format.is_colour:
        return attrs, labels.coordinates
    if transform.has_lut:
        return attrs | {"modality_lut": "not applied"}, labels.coordinates
    pairs = [transform.rescale(frame) for frame in range(reader.frame_count)]
    if len(set(pairs)) > 1:
        more = rescale_coordinates(labels.dims, labels.grid, pairs)
        return attrs, (*labels.coordinates, *more)
    slope, intercept = pairs[0]
    return attrs | {"rescale_slope": slope, "rescale_intercept": intercept}, labels.coordinates
