"""Checks of the numbers a geometry is made of; hostile values end in a `MetaDataError`."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from contextlib import suppress
from numbers import Integral, Real

from dicube_core.exceptions import MetaDataError

__all__ = [
    "ORTHOGONALITY_TOLERANCE",
    "UNIT_TOLERANCE",
    "Vector",
    "checked_axes",
    "checked_shape",
    "checked_spacing",
    "checked_vector",
    "dot",
    "show",
]

Vector = tuple[float, float, float]

#: Largest deviation of a direction's length from 1. Files of dicube 0.3.0 stay within 1.1e-5.
UNIT_TOLERANCE = 2e-5
#: Largest cosine between two axes (0.57 degrees), the same as in dicube 0.3.0. The affine carries
#: the directions as they are, so it is exact within this tolerance, too.
ORTHOGONALITY_TOLERANCE = 1e-2
#: Bounds of what can be a distance of voxels in mm; beyond them the affine loses its digits.
_SPACING_BOUNDS = (1e-9, 1e9)
_MAX_AXIS_LENGTH = 2**31 - 1


def show(value: object) -> str:
    """Return a short text of any value, for messages."""
    try:
        text = repr(value)
    except ValueError:  # an int of thousands of digits refuses to become text
        text = f"a huge {type(value).__name__}"
    return text if len(text) <= 80 else f"{text[:77]}..."


def _three(name: str, value: object) -> list[object]:
    items: list[object] = []
    if isinstance(value, Iterable) and not isinstance(value, (str, bytes, Mapping)):
        with suppress(TypeError):  # an array without axes only claims to be iterable
            items = list(value)
    if len(items) != 3:
        raise MetaDataError(f"geometry {name} must hold 3 numbers, found {show(value)}")
    return items


def checked_vector(name: str, value: object) -> Vector:
    """Return three finite Python floats, or say what is wrong with `value`."""
    numbers = []
    for item in _three(name, value):
        # bool is an int to Python, but never a coordinate.
        if not isinstance(item, Real) or isinstance(item, bool):
            raise MetaDataError(f"geometry {name} must hold 3 numbers, found {show(value)}")
        try:
            number = float(item)
        except OverflowError:
            number = math.inf
        if not math.isfinite(number):
            raise MetaDataError(f"geometry {name} must be finite, found {show(value)}")
        numbers.append(number)
    return numbers[0], numbers[1], numbers[2]


def checked_shape(value: object) -> tuple[int, int, int]:
    """Return three axis lengths as Python integers."""
    sizes = []
    for item in _three("shape", value):
        if not isinstance(item, Integral) or isinstance(item, bool):
            raise MetaDataError(f"geometry shape must hold 3 integers, found {show(value)}")
        size = int(item)
        if not 1 <= size <= _MAX_AXIS_LENGTH:
            raise MetaDataError(
                f"geometry shape must lie within 1 and {_MAX_AXIS_LENGTH}, found {show(value)}"
            )
        sizes.append(size)
    return sizes[0], sizes[1], sizes[2]


def dot(first: Vector, second: Vector) -> float:
    """Return the scalar product."""
    return first[0] * second[0] + first[1] * second[1] + first[2] * second[2]


def checked_spacing(value: object) -> Vector:
    """Return three distances in mm that can be told from zero and from infinity."""
    spacing = checked_vector("spacing", value)
    low, high = _SPACING_BOUNDS
    if not all(low <= step <= high for step in spacing):
        raise MetaDataError(
            f"geometry spacing must be positive (within {low:g} and {high:g} mm), "
            f"found {show(value)}"
        )
    return spacing


def checked_axes(value: object) -> tuple[Vector, Vector, Vector]:
    """Return three unit vectors, perpendicular to each other."""
    first, second, third = _three("axes", value)
    axes = (
        checked_vector("axes[0]", first),
        checked_vector("axes[1]", second),
        checked_vector("axes[2]", third),
    )
    for index, axis in enumerate(axes):
        length = math.hypot(*axis)
        if abs(length - 1.0) > UNIT_TOLERANCE:
            raise MetaDataError(
                f"geometry axes[{index}] must be a unit vector, found {axis} of length {length:.9g}"
            )
    for one, other in ((0, 1), (0, 2), (1, 2)):
        cosine = dot(axes[one], axes[other])
        # A hair more than the tolerance, since this sum need not round as the writer's did.
        if abs(cosine) > ORTHOGONALITY_TOLERANCE + 1e-9:
            raise MetaDataError(
                f"geometry axes[{one}] and axes[{other}] must be perpendicular, found "
                f"{axes[one]} and {axes[other]} with cosine {cosine:.6f} "
                f"(at most {ORTHOGONALITY_TOLERANCE})"
            )
    return axes
