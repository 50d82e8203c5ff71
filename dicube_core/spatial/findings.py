"""Everything that is odd about the slices of a series, and its geometry where that is true."""

from __future__ import annotations

from dataclasses import dataclass
from math import hypot
from typing import TYPE_CHECKING

from dicube_core.exceptions import MetaDataError, SeriesError
from dicube_core.geometry import Geometry
from dicube_core.spatial.finding_kinds import DicomStatus, Finding, FindingKind, status_of
from dicube_core.spatial.header_checks import (
    check_headers,
    common_value,
    is_orthonormal,
    listed,
    near,
)
from dicube_core.spatial.planes import ORIENTATION_TOLERANCE
from dicube_core.spatial.spatial_checks import MAX_COORDINATE, check_places

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dicube_core.geometry import Vector
    from dicube_core.spatial.planes import Orientation, SliceAttributes

__all__ = ["DicomStatus", "Finding", "FindingKind", "GeometryReport", "assess"]

#: With one of these, no affine tells the truth about every voxel.
_NO_GRID = frozenset(
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
    )
)
#: Directions are made unit vectors if their text is off by more; else they stay as written.
_UNIT_TEXT = 1e-6


@dataclass(frozen=True, slots=True)
class GeometryReport:
    """What `assess` found.

    Parameters
    ----------
    findings : tuple of Finding
        All oddities; empty for a sound series.
    geometry : Geometry or None
        The grid of the slices in the order assessed, only if they form one.
    status : DicomStatus
        The gravest finding as dicube 0.3.0 would call it.
    """

    findings: tuple[Finding, ...]
    geometry: Geometry | None
    status: DicomStatus

    def __str__(self) -> str:
        head = f"{self.status.value}, {'with' if self.geometry else 'without'} geometry"
        return "\n".join((head, *(f"- {one.kind}: {one.message}" for one in self.findings)))


def assess(slices: Sequence[SliceAttributes]) -> GeometryReport:
    """List everything that is odd about a series, and make its geometry if that is true.

    Parameters
    ----------
    slices : sequence of SliceAttributes
        In the order the frames are kept in, at least one.

    Returns
    -------
    GeometryReport
        `geometry` is there only if ImagePositionPatient puts every slice on one regular grid:
        one series, size, PixelSpacing and ImageOrientationPatient (cosines equal within 1e-4),
        no gap, duplicate or tilt (0.06 degrees), and each slice within `place_tolerance` of its
        place (0.01 mm for usual spacings). SliceThickness is never looked at. A single slice has
        a geometry only if SpacingBetweenSlices gives the one number that its position cannot.

    Raises
    ------
    SeriesError
        There are no slices. Whatever is odd about slices is a finding, never an error.
    """
    if not slices:
        raise SeriesError("there are no slices to assess")
    findings = check_headers(slices)
    placed, unplaced = _check_positions(slices)
    findings += unplaced
    orientation = _usual_orientation(slices)
    if orientation is not None:
        findings += _check_space(slices, placed, orientation)
    if len(slices) == 1:
        findings.append(_single_slice(slices[0]))
    geometry = None
    if orientation is not None and not any(one.kind in _NO_GRID for one in findings):
        try:
            geometry = _grid(slices, _unit(orientation))
        except MetaDataError as error:
            findings.append(Finding(FindingKind.UNUSABLE_GEOMETRY, error.message))
    return GeometryReport(tuple(findings), geometry, status_of(findings))


def _usual_orientation(slices: Sequence[SliceAttributes]) -> Orientation | None:
    """Return the most frequent of the orientations that are orthonormal."""
    own = [one.orientation for one in slices]
    sound = {one for one in set(own) if one and is_orthonormal(one)}
    return common_value(one for one in own if one in sound)


def _check_positions(slices: Sequence[SliceAttributes]) -> tuple[list[int], list[Finding]]:
    """Return the slices with a usable position, and findings about the others."""
    placed: list[int] = []
    far: list[int] = []
    lost: list[int] = []
    located: list[int] = []
    limit = MAX_COORDINATE
    for index, one in enumerate(slices):
        if one.position is not None:
            # Written so that NaN is not usable either.
            x, y, z = one.position
            usable = abs(x) <= limit and abs(y) <= limit and abs(z) <= limit
            (placed if usable else far).append(index)
        else:
            (lost if one.slice_location is None else located).append(index)
    findings = []
    if lost:
        message = f"neither ImagePositionPatient nor SliceLocation in {listed(lost)}"
        findings.append(Finding(FindingKind.MISSING_LOCATION, message, tuple(lost)))
    if located:
        message = (
            f"no ImagePositionPatient in {listed(located)}; SliceLocation alone does not say "
            f"where a slice lies in the patient"
        )
        findings.append(Finding(FindingKind.MISSING_POSITION, message, tuple(located)))
    if far:
        message = f"ImagePositionPatient is beyond {MAX_COORDINATE:g} mm in {listed(far)}"
        findings.append(Finding(FindingKind.UNUSABLE_GEOMETRY, message, tuple(far)))
    return placed, findings


def _check_space(
    slices: Sequence[SliceAttributes], placed: list[int], orientation: Orientation
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


def _single_slice(one: SliceAttributes) -> Finding:
    spacing = one.spacing_between_slices
    message = "one slice only, so positions do not tell the spacing between slices: "
    if spacing is not None and spacing > 0:
        message += f"it is taken from SpacingBetweenSlices ({spacing:.10g} mm)"
    else:
        message += "there is no geometry, for SliceThickness is something else"
    return Finding(FindingKind.SINGLE_SLICE, message, (0,))


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


def _cross(row: Vector, column: Vector) -> Vector:
    (rx, ry, rz), (cx, cy, cz) = row, column
    x, y, z = ry * cz - rz * cy, rz * cx - rx * cz, rx * cy - ry * cx
    length = hypot(x, y, z)
    # + 0.0 turns the -0.0 of an axis-parallel plane into 0.0.
    return x / length + 0.0, y / length + 0.0, z / length + 0.0
