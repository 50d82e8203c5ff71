"""Which frame lies where in the labelled array of a series, and what is known of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dicube_core.exceptions import GeometryError
from dicube_core.labels._attributes import affine_attributes, image_attributes, series_attributes
from dicube_core.labels._coordinates import (
    Coordinate,
    axis_coordinates,
    header_coordinates,
    place_coordinates,
    stated_places,
)

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from dicube_core.geometry import Geometry
    from dicube_core.reader import Reader
    from dicube_core.spatial.dimensions import Dimensions

__all__ = ["Labels", "labels_of"]


@dataclass(frozen=True, slots=True)
class Labels:
    """The labels of a series; nothing of its frames was read for them.

    Parameters
    ----------
    dims : tuple of str
        Names of the axes that frames are counted along, outermost first: ``('z',)``,
        ``('time', 'z')``; ``('frame',)`` where the slices form no grid; ``(..., 'slice')`` where
        they form one that has no place in space. Axes of a frame follow: ``'y'``, ``'x'``, and
        that of the samples of colour.
    grid : ndarray of int
        Frame number at each place of these axes.
    coordinates : tuple of Coordinate
        Millimetres along each axis (where there is an affine), values of the other axes, and
        what headers say of each slice.
    attrs : dict
        Of the series: plain texts, numbers and lists of them.
    image_attrs : dict
        Of the array of its values.
    units : str
        Of the modality values, empty where nothing says it.
    """

    dims: tuple[str, ...]
    grid: npt.NDArray[np.intp]
    coordinates: tuple[Coordinate, ...]
    attrs: dict[str, Any]
    image_attrs: dict[str, Any]
    units: str = ""


def labels_of(reader: Reader) -> Labels:
    """Return the labels of an open file.

    Raises
    ------
    DicomCubeError
        Its metadata or its geometry is damaged.
    """
    import numpy as np

    geometry, dimensions = reader.geometry, None
    dims: tuple[str, ...] = ("z",)
    grid = np.arange(reader.frame_count, dtype=np.intp)
    if geometry is None:
        dimensions = reader.dimensions
        if dimensions is not None and dimensions.is_regular:
            geometry = dimensions.geometry
            dims = (*dimensions.names, "slice" if geometry is None else "z")
            grid = dimensions.index
        else:
            dims, dimensions = ("frame",), None
    meta = reader.dicom_meta
    coordinates: list[Coordinate] = []
    if dimensions is not None:
        coordinates += axis_coordinates(dimensions.axes)
    if geometry is not None:
        coordinates += place_coordinates(geometry)
    elif meta is not None:
        coordinates += stated_places(meta, dims, grid)
    if meta is not None:
        coordinates += header_coordinates(meta, dims, grid)
    attrs = series_attributes(meta)
    if geometry is not None:
        attrs |= affine_attributes(geometry)
    else:
        attrs |= _without_affine(reader, dimensions)
    image_attrs, units = image_attributes(reader, meta)
    return Labels(dims, grid, tuple(_each_once(coordinates)), attrs, image_attrs, units)


def _each_once(coordinates: list[Coordinate]) -> list[Coordinate]:
    """Leave out later ones of the same name."""
    found: dict[str, Coordinate] = {}
    for one in coordinates:
        found.setdefault(one.name, one)
    return list(found.values())


def _without_affine(reader: Reader, dimensions: Dimensions | None) -> dict[str, Any]:
    """Say why there is no affine, and give the one with a gantry tilt if that is all."""
    attrs: dict[str, Any] = {"no_affine": _why(reader, dimensions)}
    sheared = reader.sheared_affine()
    if sheared is not None:
        attrs["sheared_affine_lps"] = sheared.ravel().tolist()
    return attrs


def _why(reader: Reader, dimensions: Dimensions | None) -> str:
    if dimensions is not None:
        return dimensions.reason or "its stacks lie in different places"
    if reader.dicom_meta is None:
        return "the file has neither a geometry nor DICOM metadata"
    try:
        geometry: Geometry = reader.require_geometry()
    except GeometryError as exc:
        findings = exc.details.get("findings") or ["the slices form no regular grid"]
        return "; ".join(map(str, findings))
    return f"none for {geometry.shape}"  # asked for only where there is none
