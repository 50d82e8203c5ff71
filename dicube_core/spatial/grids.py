"""The grid that slices form in space, straight or sheared, and what is odd about their places."""

from __future__ import annotations

from dataclasses import replace
from math import hypot
from typing import TYPE_CHECKING

from dicube_core.exceptions import MetaDataError
from dicube_core.geometry import Geometry
from dicube_core.spatial.finding_kinds import Finding, FindingKind
from dicube_core.spatial.header_checks import common_value, is_orthonormal, near
from dicube_core.spatial.marks import GANTRY_TILT, column
from dicube_core.spatial.planes import ORIENTATION_TOLERANCE
from dicube_core.spatial.sheared import ShearedGrid
from dicube_core.spatial.spatial_checks import check_places

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dicube_core.geometry import Vector
    from dicube_core.spatial.planes import Orientation, SliceAttributes

__all__ = ["NO_GRID", "check_space", "grid_or_shear", "usual_orientation", "with_stated_tilt"]

#: With one of these, no affine tells the truth about every voxel.
NO_GRID = frozenset(
    (
        FindingKind.NON_UNIFORM_SERIES_UID,  # nothing says that two series share a frame
        FindingKind.MISSING_PIXEL_SPACING,
        FindingKind.INVALID_PIXEL_SPACING,
        FindingKind.NON_UNIFORM_PIXEL_SPACING,
        FindingKind.MISSING_SHAPE,
        FindingKind.NON_UNIFORM_SHAPE,
        FindingKind.MISSING_ORIENTATION,
        FindingKind.NON_UNIFORM_ORIENTATION,
        FindingKind.NOT_ORTHONORMAL,
        FindingKind.MISSING_LOCATION,
        FindingKind.MISSING_POSITION,
        FindingKind.DUPLICATE_POSITION,
        FindingKind.GAP_LOCATION,
        FindingKind.CROWDED_LOCATION,
        FindingKind.UNEVEN_SPACING,
        FindingKind.GANTRY_TILT,
        FindingKind.IN_PLANE_DRIFT,
        FindingKind.NOT_IN_SPATIAL_ORDER,
        FindingKind.UNUSABLE_GEOMETRY,
        FindingKind.SEVERAL_VOLUMES,
        FindingKind.INCOMPLETE_VOLUMES,
    )
)
#: Directions are made unit vectors if their text is off by more; else they stay as written.
_UNIT_TEXT = 1e-6
#: GantryDetectorTilt and the tilt that positions show are one if they differ by less (degrees).
_SAME_TILT = 0.5


def usual_orientation(slices: Sequence[SliceAttributes]) -> Orientation | None:
    """Return the most frequent of the orientations that are orthonormal."""
    own = [one.orientation for one in slices]
    sound = {one for one in set(own) if one and is_orthonormal(one)}
    return common_value(one for one in own if one in sound)


def check_space(
    slices: Sequence[SliceAttributes], placed: Sequence[int], orientation: Orientation
) -> list[Finding]:
    """Return findings about the places of the slices that have the usual orientation."""
    parallel = [
        index
        for index in placed
        if (own := slices[index].orientation)
        and (own == orientation or near(own, orientation, ORIENTATION_TOLERANCE))
    ]
    spacings = [one.pixel_spacing for one in slices if one.pixel_spacing]
    return check_places(
        parallel,
        [position for index in parallel if (position := slices[index].position)],
        _unit(orientation),
        [slices[index].instance_number for index in parallel],
        common_value(spacing for spacing in spacings if min(spacing) > 0),
    )


def grid_or_shear(
    slices: Sequence[SliceAttributes],
    orientation: Orientation | None,
    findings: Sequence[Finding],
) -> tuple[Geometry | None, ShearedGrid | None, list[Finding]]:
    """Return the grid of slices along their normal, if findings allow one."""
    against = {one.kind for one in findings} & NO_GRID
    if orientation is None or against - {FindingKind.GANTRY_TILT}:
        return None, None, []
    try:
        if against:
            return None, _shear(slices, _unit(orientation)), []
        return _grid(slices, _unit(orientation)), None, []
    except MetaDataError as error:
        return None, None, [Finding(FindingKind.UNUSABLE_GEOMETRY, error.message)]


def with_stated_tilt(
    slices: Sequence[SliceAttributes], findings: list[Finding], sheared: ShearedGrid | None
) -> list[Finding]:
    """Compare the tilt that positions show with GantryDetectorTilt (PS3.3 C.8.2.1)."""
    if len(slices) < 2 or not any(GANTRY_TILT in one.marks for one in slices):
        return findings
    stated = common_value(column(slices, GANTRY_TILT))
    if not isinstance(stated, float):
        return findings
    tilted = any(one.kind is FindingKind.GANTRY_TILT for one in findings)
    if not tilted:
        if abs(stated) < _SAME_TILT or any(one.kind in NO_GRID for one in findings):
            return findings
        message = (
            f"GantryDetectorTilt says {stated:.6g} degrees, but positions show no shear; they "
            f"are what counts"
        )
        return [*findings, Finding(FindingKind.TILT_NOT_IN_POSITIONS, message)]
    words = f"GantryDetectorTilt says {stated:.6g} degrees"
    if sheared is not None and abs(abs(stated) - sheared.tilt_degrees) > _SAME_TILT:
        words += ", but positions are what counts"
    return [
        replace(one, message=f"{one.message}; {words}")
        if one.kind is FindingKind.GANTRY_TILT
        else one
        for one in findings
    ]


def _unit(orientation: Orientation) -> Orientation:
    """Scale both directions to length 1, unless their text is as good as that."""
    parts: list[float] = []
    for half in (orientation[:3], orientation[3:]):
        length = hypot(*half)
        scale = length if abs(length - 1) > _UNIT_TEXT else 1.0
        parts += [value / scale for value in half]
    return parts[0], parts[1], parts[2], parts[3], parts[4], parts[5]


def _grid(slices: Sequence[SliceAttributes], orientation: Orientation) -> Geometry | None:
    """Make the geometry of slices that are known to lie on a grid."""
    first, last = slices[0], slices[-1]
    if not (first.position and last.position and first.pixel_spacing):
        return None
    if first.rows is None or first.columns is None:
        return None
    row, column = orientation[:3], orientation[3:]
    if len(slices) == 1:
        step = first.spacing_between_slices
        if step is None or not step > 0:
            return None
        direction = _cross(row, column)
    else:
        count = len(slices) - 1
        x, y, z = ((b - a) / count for a, b in zip(first.position, last.position, strict=True))
        step = hypot(x, y, z)
        direction = (x / step, y / step, z / step)
    return Geometry(
        shape=(len(slices), first.rows, first.columns),
        origin=first.position,
        spacing=(step, *first.pixel_spacing),
        axes=(direction, column, row),
    )


def _shear(slices: Sequence[SliceAttributes], orientation: Orientation) -> ShearedGrid | None:
    """Make the sheared grid of slices of which nothing but a tilt is odd."""
    first, last, count = slices[0], slices[-1], len(slices) - 1
    if not (first.position and last.position and first.pixel_spacing and count):
        return None
    if first.rows is None or first.columns is None:
        return None
    x, y, z = ((b - a) / count for a, b in zip(first.position, last.position, strict=True))
    between_rows, between_columns = first.pixel_spacing
    rx, ry, rz, cx, cy, cz = orientation
    return ShearedGrid(
        (len(slices), first.rows, first.columns),
        first.position,
        (
            (x, y, z),
            (cx * between_rows, cy * between_rows, cz * between_rows),
            (rx * between_columns, ry * between_columns, rz * between_columns),
        ),
    )


def _cross(row: Vector, column: Vector) -> Vector:
    (rx, ry, rz), (cx, cy, cz) = row, column
    x, y, z = ry * cz - rz * cy, rz * cx - rx * cz, rx * cy - ry * cx
    length = hypot(x, y, z)
    # + 0.0 turns the -0.0 of an axis-parallel plane into 0.0.
    return x / length + 0.0, y / length + 0.0, z / length + 0.0
