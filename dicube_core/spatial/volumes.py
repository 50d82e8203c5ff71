"""What is to be said of a series that holds several volumes, or slices that share a place."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from dicube_core.spatial.finding_kinds import Finding, FindingKind
from dicube_core.spatial.grids import (
    NO_GRID,
    check_space,
    grid_or_shear,
    usual_orientation,
    with_stated_tilt,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dicube_core.geometry import Geometry
    from dicube_core.spatial.dimensions import Dimensions
    from dicube_core.spatial.planes import SliceAttributes
    from dicube_core.spatial.sheared import ShearedGrid

__all__ = ["check_volumes", "explained"]

#: What comes of several volumes in one series, and is no oddity once they are told apart.
_EXPLAINED = frozenset(
    (
        FindingKind.NOT_IN_SPATIAL_ORDER,
        FindingKind.REVERSED_LOCATION,
        FindingKind.DWELLING_LOCATION,
        FindingKind.DUPLICATE_POSITION,
    )
)


def explained(in_space: list[Finding], dimensions: Dimensions | None) -> list[Finding]:
    """Return findings in space with what is known of slices that share a place."""
    if dimensions is not None:
        if dimensions.names == ("stack",) and not dimensions.missing:
            return in_space  # the orientations are listed already, or the gaps between stacks
        several = Finding(
            FindingKind.INCOMPLETE_VOLUMES, str(dimensions), positions=dimensions.missing
        )
        return [several, *in_space]
    if any(one.kind is FindingKind.IN_PLANE_DRIFT for one in in_space):
        return in_space
    return [
        replace(one, message=f"{one.message}; no known attribute tells them apart")
        if one.kind is FindingKind.DUPLICATE_POSITION
        else one
        for one in in_space
    ]


def check_volumes(
    slices: Sequence[SliceAttributes], dimensions: Dimensions, findings: Sequence[Finding]
) -> tuple[Dimensions, list[Finding]]:
    """Return the geometry of the volumes of a full grid, and what is odd about them."""
    result = [Finding(FindingKind.SEVERAL_VOLUMES, str(dimensions))]
    stacks = len(dimensions.axes[0]) if dimensions.axes[0].name == "stack" else 1
    blocking = [
        one
        for one in findings
        if one.kind in NO_GRID
        and not (stacks > 1 and one.kind is FindingKind.NON_UNIFORM_ORIENTATION)
    ]
    geometries: list[Geometry | None] = []
    reasons = [one.message for one in blocking]
    shear: ShearedGrid | None = None
    for stack in range(stacks):
        start = stack * (len(dimensions.frames) // stacks)
        own = dimensions.frames[start : start + dimensions.slice_count]
        volume = [slices[index] for index in own]
        orientation = usual_orientation(volume)
        odd = [] if orientation is None else check_space(slices, own, orientation)
        odd = [one for one in odd if one.kind not in _EXPLAINED]
        geometry, sheared, more = grid_or_shear(volume, orientation, [*blocking, *odd])
        odd = with_stated_tilt(volume, odd + more, sheared)
        geometries.append(geometry)
        shear = sheared if stacks == 1 else None
        result += odd
        reasons += [one.message for one in odd if one.kind in NO_GRID]
    if not reasons and None in geometries:
        reasons.append("positions do not tell the spacing between slices of one volume")
    reason = "" if None not in geometries else "; ".join(reasons)
    return replace(dimensions, geometries=tuple(geometries), sheared=shear, reason=reason), result
