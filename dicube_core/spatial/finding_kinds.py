"""Names of what can be odd about a series, and the one status that dicube 0.3.0 makes of them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dicube_core.geometry import Vector

__all__ = ["DicomStatus", "Finding", "FindingKind", "status_of"]


class FindingKind(StrEnum):
    """What a finding is about."""

    UNREADABLE_VALUE = "unreadable_value"
    MISSING_SERIES_UID = "missing_series_uid"
    NON_UNIFORM_SERIES_UID = "non_uniform_series_uid"
    MISSING_INSTANCE_NUMBER = "missing_instance_number"
    DUPLICATE_INSTANCE_NUMBER = "duplicate_instance_number"
    GAP_INSTANCE_NUMBER = "gap_instance_number"
    MISSING_PIXEL_FORMAT = "missing_pixel_format"
    NON_UNIFORM_PIXEL_FORMAT = "non_uniform_pixel_format"
    MISSING_PIXEL_SPACING = "missing_pixel_spacing"
    INVALID_PIXEL_SPACING = "invalid_pixel_spacing"
    NON_UNIFORM_PIXEL_SPACING = "non_uniform_pixel_spacing"
    MISSING_SHAPE = "missing_shape"
    NON_UNIFORM_SHAPE = "non_uniform_shape"
    MISSING_ORIENTATION = "missing_orientation"
    NON_UNIFORM_ORIENTATION = "non_uniform_orientation"
    NOT_ORTHONORMAL = "not_orthonormal"
    MISSING_LOCATION = "missing_location"  # neither position nor slice location
    MISSING_POSITION = "missing_position"  # slice location, but no position
    REVERSED_LOCATION = "reversed_location"
    DWELLING_LOCATION = "dwelling_location"
    DUPLICATE_POSITION = "duplicate_position"
    GAP_LOCATION = "gap_location"
    CROWDED_LOCATION = "crowded_location"
    UNEVEN_SPACING = "uneven_spacing"
    GANTRY_TILT = "gantry_tilt"
    IN_PLANE_DRIFT = "in_plane_drift"
    NOT_IN_SPATIAL_ORDER = "not_in_spatial_order"
    SINGLE_SLICE = "single_slice"
    UNUSABLE_GEOMETRY = "unusable_geometry"
    NON_UNIFORM_RESCALE = "non_uniform_rescale"
    SEVERAL_VOLUMES = "several_volumes"  # a full grid of them
    INCOMPLETE_VOLUMES = "incomplete_volumes"  # several, but some slices lack or are doubled
    LOCALIZER_AMONG_SLICES = "localizer_among_slices"
    TILT_NOT_IN_POSITIONS = "tilt_not_in_positions"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is odd about a series.

    Parameters
    ----------
    kind : FindingKind
        What it is about.
    message : str
        One sentence for a reader; slices are counted from 0 in it.
    slices : tuple of int
        All slices concerned, 0-based in the order that was assessed, ascending.
    positions : tuple of tuple of float
        Where slices are missing: their ImagePositionPatient, LPS mm, as far as it can be told.
    """

    kind: FindingKind
    message: str
    slices: tuple[int, ...] = ()
    positions: tuple[Vector, ...] = ()


class DicomStatus(Enum):
    """The gravest oddity of a series as one word; names and values are those of dicube 0.3.0."""

    NON_UNIFORM_SERIES_UID = "non_uniform_series_uid"
    MISSING_SERIES_UID = "missing_series_uid"
    DUPLICATE_INSTANCE_NUMBERS = "duplicate_instance_numbers"
    MISSING_INSTANCE_NUMBER = "missing_instance_number"
    GAP_INSTANCE_NUMBER = "gap_instance_number"
    MISSING_SPACING = "missing_spacing"
    NON_UNIFORM_SPACING = "non_uniform_spacing"
    MISSING_SHAPE = "missing_shape"
    NON_UNIFORM_SHAPE = "non_uniform_shape"
    MISSING_ORIENTATION = "missing_orientation"
    NON_UNIFORM_ORIENTATION = "non_uniform_orientation"
    NON_UNIFORM_RESCALE_FACTOR = "non_uniform_rescale_factor"
    MISSING_DTYPE = "missing_dtype"
    NON_UNIFORM_DTYPE = "non_uniform_dtype"
    MISSING_LOCATION = "missing_location"
    REVERSED_LOCATION = "reversed_location"
    DWELLING_LOCATION = "dwelling_location"
    GAP_LOCATION = "gap_location"
    CONSISTENT = "consistent"
    INCONSISTENT = "inconsistent"


#: Kind -> status, gravest first: the order in which dicube 0.3.0 looks for them.
_PRECEDENCE: dict[FindingKind, DicomStatus] = {
    FindingKind.MISSING_SERIES_UID: DicomStatus.MISSING_SERIES_UID,
    FindingKind.NON_UNIFORM_SERIES_UID: DicomStatus.NON_UNIFORM_SERIES_UID,
    FindingKind.MISSING_INSTANCE_NUMBER: DicomStatus.MISSING_INSTANCE_NUMBER,
    FindingKind.DUPLICATE_INSTANCE_NUMBER: DicomStatus.DUPLICATE_INSTANCE_NUMBERS,
    FindingKind.GAP_INSTANCE_NUMBER: DicomStatus.GAP_INSTANCE_NUMBER,
    FindingKind.MISSING_PIXEL_FORMAT: DicomStatus.MISSING_DTYPE,
    FindingKind.NON_UNIFORM_PIXEL_FORMAT: DicomStatus.NON_UNIFORM_DTYPE,
    FindingKind.MISSING_PIXEL_SPACING: DicomStatus.MISSING_SPACING,
    FindingKind.NON_UNIFORM_PIXEL_SPACING: DicomStatus.NON_UNIFORM_SPACING,
    FindingKind.MISSING_SHAPE: DicomStatus.MISSING_SHAPE,
    FindingKind.NON_UNIFORM_SHAPE: DicomStatus.NON_UNIFORM_SHAPE,
    FindingKind.MISSING_ORIENTATION: DicomStatus.MISSING_ORIENTATION,
    FindingKind.NON_UNIFORM_ORIENTATION: DicomStatus.NON_UNIFORM_ORIENTATION,
    FindingKind.MISSING_LOCATION: DicomStatus.MISSING_LOCATION,
    FindingKind.REVERSED_LOCATION: DicomStatus.REVERSED_LOCATION,
    FindingKind.DWELLING_LOCATION: DicomStatus.DWELLING_LOCATION,
    FindingKind.DUPLICATE_POSITION: DicomStatus.DWELLING_LOCATION,
    FindingKind.SEVERAL_VOLUMES: DicomStatus.DWELLING_LOCATION,
    FindingKind.INCOMPLETE_VOLUMES: DicomStatus.DWELLING_LOCATION,
    FindingKind.GAP_LOCATION: DicomStatus.GAP_LOCATION,
    FindingKind.CROWDED_LOCATION: DicomStatus.GAP_LOCATION,
    FindingKind.NON_UNIFORM_RESCALE: DicomStatus.NON_UNIFORM_RESCALE_FACTOR,
    # dicube 0.3.0 has no word for the rest, and calls such series consistent.
    FindingKind.INVALID_PIXEL_SPACING: DicomStatus.INCONSISTENT,
    FindingKind.NOT_ORTHONORMAL: DicomStatus.INCONSISTENT,
    FindingKind.MISSING_POSITION: DicomStatus.INCONSISTENT,
    FindingKind.UNEVEN_SPACING: DicomStatus.INCONSISTENT,
    FindingKind.GANTRY_TILT: DicomStatus.INCONSISTENT,
    FindingKind.IN_PLANE_DRIFT: DicomStatus.INCONSISTENT,
    FindingKind.UNUSABLE_GEOMETRY: DicomStatus.INCONSISTENT,
    FindingKind.LOCALIZER_AMONG_SLICES: DicomStatus.INCONSISTENT,
}


def status_of(findings: Iterable[Finding]) -> DicomStatus:
    """Return the status of the gravest finding, in the order of dicube 0.3.0.

    `INCONSISTENT`, which dicube 0.3.0 defines but never gives, stands for what its checks
    overlook: tilt, drift, spacing that is uneven by less than half, positions known to some
    slices only. Findings that do not doubt the series itself (a single slice, a value that nobody
    needs, slices kept in another order than that of space) leave it `CONSISTENT`.
    """
    kinds = {finding.kind for finding in findings}
    for kind, status in _PRECEDENCE.items():
        if kind in kinds:
            return status
    return DicomStatus.CONSISTENT
