"""Put slices in order: in space where that is sound, else by number; the same for any input."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum
from math import hypot, isfinite
from typing import TYPE_CHECKING, Any

from dicube_core.exceptions import SeriesError
from dicube_core.spatial.dimensions import find_dimensions
from dicube_core.spatial.planes import ORIENTATION_TOLERANCE

if TYPE_CHECKING:
    from dicube_core.geometry import Vector
    from dicube_core.spatial.planes import Orientation, SliceAttributes

__all__ = ["ORIENTATION_TOLERANCE", "SortMethod", "slice_order"]

#: Positions along the normal that agree to so many decimals of a mm are the same; float noise of
#: the projection must not come before InstanceNumber.
_DECIMALS = 6

_Key = Callable[[int], Any]


class SortMethod(Enum):
    """How to order the slices of a series; names and values are those of dicube 0.3.0.

    POSITION_RIGHT_HAND ascends along (row direction) x (column direction), POSITION_LEFT_HAND
    descends.
    """

    INSTANCE_NUMBER_ASC = 1
    INSTANCE_NUMBER_DESC = 2
    POSITION_RIGHT_HAND = 3
    POSITION_LEFT_HAND = 4


def slice_order(
    slices: Sequence[SliceAttributes],
    sort_method: SortMethod | None = None,
    tie_breakers: Sequence[str] = (),
) -> list[int]:
    """Return the indices of `slices` in the order they should be kept in.

    Parameters
    ----------
    slices : sequence of SliceAttributes
        In any order; it does not influence the result, unless slices are equal in everything.
    sort_method : SortMethod, optional
        By default along the slice normal, ascending (right-handed), if all slices have a position
        and one orientation; else by ascending InstanceNumber. Slices that form several volumes
        (see `find_dimensions`) are put volume after volume, each along its normal.
    tie_breakers : sequence of str, optional
        One text per slice, such as its file name.

    Returns
    -------
    list of int
        ``slices[result[0]]`` is the first slice. Ties are broken by position along the normal,
        InstanceNumber, position as a whole, SOPInstanceUID, then `tie_breakers`; slices without
        InstanceNumber come last among equals.

    Raises
    ------
    SeriesError
        A method by position was asked for, and some slice has no position, or the orientations
        are missing, degenerate or differ.
    ValueError
        `sort_method` is no `SortMethod`, or `tie_breakers` has another length than `slices`.
    """
    if tie_breakers and len(tie_breakers) != len(slices):
        raise ValueError(f"{len(tie_breakers)} tie breakers for {len(slices)} slices")
    if sort_method is not None and not isinstance(sort_method, SortMethod):
        raise ValueError(f"unsupported sort method {sort_method!r}")
    places, problem = _places(slices)
    if sort_method in (SortMethod.POSITION_RIGHT_HAND, SortMethod.POSITION_LEFT_HAND) and problem:
        raise SeriesError(
            f"cannot sort by position: {problem}",
            suggestion="sort by InstanceNumber, or leave the sort method out",
        )
    if sort_method is None:
        dimensions = find_dimensions(slices)
        if dimensions is not None and dimensions.is_regular:
            return list(dimensions.frames)
    primary, secondary = _keys(slices, sort_method, None if problem else places)
    order = sorted(range(len(slices)), key=primary)
    if len(set(map(primary, order))) == len(order):
        return order

    def full(index: int) -> tuple[Any, ...]:
        one = slices[index]
        tie = tie_breakers[index] if tie_breakers else ""
        return (
            primary(index),
            secondary(index),
            one.position or (),
            _uid_key(one.sop_instance_uid),
            tie,
        )

    return sorted(range(len(slices)), key=full)


def _keys(
    slices: Sequence[SliceAttributes], method: SortMethod | None, places: list[float] | None
) -> tuple[_Key, _Key]:
    """Return what to sort by first and second."""

    def number(index: int) -> tuple[bool, int]:
        value = slices[index].instance_number
        return value is None, value or 0

    def number_down(index: int) -> tuple[bool, int]:
        missing, value = number(index)
        return missing, -value

    def place(index: int) -> float:
        return places[index] if places else 0.0

    def place_down(index: int) -> float:
        return -place(index)

    if method is SortMethod.INSTANCE_NUMBER_DESC:
        return number_down, place
    if method is SortMethod.POSITION_LEFT_HAND:
        return place_down, number
    if method is SortMethod.INSTANCE_NUMBER_ASC or places is None:
        return number, place
    return place, number


def _places(slices: Sequence[SliceAttributes]) -> tuple[list[float], str]:
    """Return the position of each slice along the common normal in mm, or why there is none."""
    if any(one.position is None for one in slices):
        return [], "a slice has no ImagePositionPatient"
    normal, problem = _common_normal({one.orientation for one in slices})
    if problem:
        return [], problem
    nx, ny, nz = normal
    positions = [one.position for one in slices if one.position is not None]
    places = [round(x * nx + y * ny + z * nz, _DECIMALS) for x, y, z in positions]
    if not all(map(isfinite, places)):
        return [], "an ImagePositionPatient is not finite"
    return places, ""


def _common_normal(orientations: set[Orientation | None]) -> tuple[Vector, str]:
    """Return the unit normal that all orientations share, or why there is none."""
    nowhere = (0.0, 0.0, 0.0)
    if None in orientations:
        return nowhere, "a slice has no ImageOrientationPatient"
    # The smallest, not the first, so that the normal does not depend on the order of the input.
    known = sorted(one for one in orientations if one is not None)
    if not known:
        return nowhere, ""
    for other in known[1:]:
        distances = (abs(a - b) for a, b in zip(known[0], other, strict=True))
        if max(distances) > ORIENTATION_TOLERANCE:
            return nowhere, f"ImageOrientationPatient differs: {known[0]} and {other}"
    rx, ry, rz, cx, cy, cz = known[0]
    nx, ny, nz = ry * cz - rz * cy, rz * cx - rx * cz, rx * cy - ry * cx
    length = hypot(nx, ny, nz)
    # Written so that NaN fails, too. Vectors of other lengths are no directions at all.
    if not 0.9 < length < 1.1:
        return nowhere, f"ImageOrientationPatient {known[0]} does not span a plane"
    return (nx / length, ny / length, nz / length), ""


def _uid_key(uid: str | None) -> tuple[tuple[int, str], ...]:
    """Order UIDs by their components as numbers: a shorter run of digits is a smaller one."""
    return tuple((len(part), part) for part in (uid or "").split("."))
