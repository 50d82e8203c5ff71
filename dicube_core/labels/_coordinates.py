"""Coordinates of a labelled series: millimetres, values of its dimensions, numbers of headers."""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING, Any

from dicube_core.spatial.axes import value_text

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    import numpy as np
    import numpy.typing as npt

    from dicube_core.geometry import Geometry
    from dicube_core.metadata.meta import DicomMeta
    from dicube_core.spatial.axes import Axis

__all__ = [
    "Coordinate",
    "axis_coordinates",
    "header_coordinates",
    "place_coordinates",
    "rescale_coordinates",
    "stated_places",
]

_INSTANCE_NUMBER, _POSITION, _ORIENTATION = "00200013", "00200032", "00200037"
#: Where one word of a keyword ends and the next begins: ``EchoTime``, ``TIDOffset``.
_WORDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_RESCALE = (("rescale_slope", "RescaleSlope"), ("rescale_intercept", "RescaleIntercept"))
_LPS = "patient coordinates: left, posterior, superior"


@dataclass(frozen=True, slots=True)
class Coordinate:
    """Values along one or more axes of a series.

    Parameters
    ----------
    name : str
        Of an axis, whose values these are, or another one.
    dims : tuple of str
        Axes that they belong to. Points and directions have ``'lps'`` as their last: patient
        coordinates, left, posterior, superior.
    values : ndarray
        Numbers or texts, one for each step of these axes.
    attrs : dict
        Plain texts; ``units`` where there is one.
    """

    name: str
    dims: tuple[str, ...]
    values: npt.NDArray[Any]
    attrs: dict[str, str]


def place_coordinates(geometry: Geometry) -> list[Coordinate]:
    """Return mm along z, y and x from the first voxel, and the place of each slice."""
    import numpy as np

    what = ("slice", "row", "column")
    found = [
        Coordinate(
            name,
            (name,),
            np.arange(count) * spacing,
            {"units": "mm", "long_name": f"distance from the first {word}"},
        )
        for name, word, count, spacing in zip(
            "zyx", what, geometry.shape, geometry.spacing, strict=True
        )
    ]
    steps = np.arange(geometry.shape[0])[:, None] * geometry.spacing[0]
    places = np.array(geometry.origin) + steps * np.array(geometry.axes[0])
    found.append(_points("position", ("z",), places, "centre of the first voxel", "mm"))
    return found


def stated_places(
    meta: DicomMeta, dims: tuple[str, ...], grid: npt.NDArray[np.intp]
) -> list[Coordinate]:
    """Return what the header of each slice says of its place, where slices form no grid."""
    found = []
    position = _table(meta, _POSITION, 3)
    if position is not None:
        text = "centre of the first voxel (ImagePositionPatient)"
        found.append(_points("position", dims, position[grid], text, "mm"))
    orientation = _table(meta, _ORIENTATION, 6)
    if orientation is not None:
        for name, part in (("row_direction", slice(3)), ("column_direction", slice(3, 6))):
            text = f"direction of a {name.split('_')[0]} (ImageOrientationPatient)"
            found.append(_points(name, dims, orientation[grid][..., part], text))
    return found


def _points(
    name: str, dims: tuple[str, ...], values: npt.NDArray[Any], text: str, units: str = ""
) -> Coordinate:
    attrs = {"long_name": text, "axes": _LPS} | ({"units": units} if units else {})
    return Coordinate(name, (*dims, "lps"), values, attrs)


def header_coordinates(
    meta: DicomMeta, dims: tuple[str, ...], grid: npt.NDArray[np.intp]
) -> list[Coordinate]:
    """Return the InstanceNumber of each slice, if all have one."""
    import numpy as np

    values = _trusted(meta, _INSTANCE_NUMBER)
    if values is None or not all(type(v) is int and abs(v) < 1 << 62 for v in values):
        return []
    numbers = np.array(values, dtype=np.int64)[grid]
    return [Coordinate("instance_number", dims, numbers, {"long_name": "InstanceNumber"})]


def rescale_coordinates(
    dims: tuple[str, ...], grid: npt.NDArray[np.intp], pairs: Sequence[tuple[float, float]]
) -> tuple[Coordinate, ...]:
    """Return slope and intercept of each frame, for values that are left as they are stored."""
    import numpy as np

    table = np.array(pairs, dtype=np.float64)[grid]
    return tuple(
        Coordinate(name, dims, table[..., column], {"long_name": keyword})
        for column, (name, keyword) in enumerate(_RESCALE)
    )


def _trusted(meta: DicomMeta, tag: str) -> list[Any] | None:
    """Return one value per frame, None where nobody knows whether it is of that frame."""
    if meta.is_missing(tag) or any(path.startswith(tag) for path in meta.untrusted):
        return None
    return meta.get_values(tag)


def _table(meta: DicomMeta, tag: str, width: int) -> npt.NDArray[np.float64] | None:
    """Return an element of several numbers for each frame; NaN where a frame has none."""
    import numpy as np

    values = _trusted(meta, tag)
    if values is None:
        return None
    rows = [value if _are_numbers(value, width) else [np.nan] * width for value in values]
    return np.array(rows, dtype=np.float64)


def _are_numbers(value: object, width: int) -> bool:
    return (
        isinstance(value, list)
        and len(value) == width
        and all(isinstance(v, int | float) and isfinite(v) for v in value)
    )


def axis_coordinates(axes: Sequence[Axis]) -> list[Coordinate]:
    """Return the values of the dimensions beside the slices, and of what goes along with them."""
    found = []
    for axis in axes:
        attrs = {"long_name": axis.words[0], "dicom_keyword": axis.keyword}
        if axis.varies:
            attrs["comment"] = "of the first place; it differs from slice to slice"
        found.append(_along(axis.name, axis.name, axis.values, axis.unit, attrs))
        for labels in axis.also:
            if labels.keyword.isidentifier():
                name = _WORDS.sub("_", labels.keyword).lower()
                attrs = {"long_name": labels.keyword}
                found.append(_along(name, axis.name, labels.values, labels.unit, attrs))
    return found


def _along(
    name: str, dim: str, values: Sequence[Hashable], unit: str, attrs: dict[str, str]
) -> Coordinate:
    import numpy as np

    numeric = all(isinstance(v, int | float) and not isinstance(v, bool) for v in values)
    array = np.array(values if numeric else [value_text(value) for value in values])
    return Coordinate(name, (dim,), array, attrs | ({"units": unit} if unit else {}))
