"""Everything that is odd about the slices of a series, and its geometry where that is true."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dicube_core.exceptions import SeriesError
from dicube_core.spatial.dimensions import find_dimensions
from dicube_core.spatial.finding_kinds import DicomStatus, Finding, FindingKind, status_of
from dicube_core.spatial.grids import (
    check_space,
    grid_or_shear,
    usual_orientation,
    with_stated_tilt,
)
from dicube_core.spatial.header_checks import check_headers, listed
from dicube_core.spatial.spatial_checks import MAX_COORDINATE
from dicube_core.spatial.volumes import check_volumes, explained

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import numpy.typing as npt

    from dicube_core.geometry import Geometry
    from dicube_core.spatial.dimensions import Dimensions
    from dicube_core.spatial.planes import SliceAttributes
    from dicube_core.spatial.sheared import ShearedGrid

__all__ = ["DicomStatus", "Finding", "FindingKind", "GeometryReport", "assess"]


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
        The gravest oddity as dicube 0.3.0 would call it, which knows of one volume only.
    dimensions : Dimensions or None
        The volumes of the series, where it has several.
    sheared : ShearedGrid or None
        Where nothing but a gantry tilt withholds `geometry`.
    """

    findings: tuple[Finding, ...]
    geometry: Geometry | None
    status: DicomStatus
    dimensions: Dimensions | None = None
    sheared: ShearedGrid | None = None

    @property
    def sheared_affine(self) -> npt.NDArray[np.float64] | None:
        """4x4 matrix from (frame, row, column, 1) to LPS mm with the shear of a gantry tilt.

        None where the slices form a regular grid, and where more than a tilt keeps them from it.
        """
        return None if self.sheared is None else self.sheared.affine

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
    orientation = usual_orientation(slices)
    in_space = [] if orientation is None else check_space(slices, placed, orientation)
    status = status_of(findings + in_space)
    dimensions = find_dimensions(slices)
    if dimensions is not None and dimensions.is_regular:
        dimensions, in_space = check_volumes(slices, dimensions, findings)
        return GeometryReport((*findings, *in_space), None, status, dimensions)
    findings += explained(in_space, dimensions)
    if len(slices) == 1:
        findings.append(_single_slice(slices[0]))
    geometry, sheared, more = grid_or_shear(slices, orientation, findings)
    findings = with_stated_tilt(slices, findings + more, sheared)
    return GeometryReport(
        tuple(findings), geometry, status_of([*findings, *in_space]), dimensions, sheared
    )


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


def _single_slice(one: SliceAttributes) -> Finding:
    spacing = one.spacing_between_slices
    message = "one slice only, so positions do not tell the spacing between slices: "
    if spacing is not None and spacing > 0:
        message += f"it is taken from SpacingBetweenSlices ({spacing:.10g} mm)"
    else:
        message += "there is no geometry, for SliceThickness is something else"
    return Finding(FindingKind.SINGLE_SLICE, message, (0,))
