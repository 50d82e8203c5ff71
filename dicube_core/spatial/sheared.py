"""The grid of slices that are shifted along their own plane: a gantry tilt, kept as it is."""

from __future__ import annotations

from dataclasses import dataclass
from math import atan, degrees, hypot
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from dicube_core.geometry import Vector

__all__ = ["ShearedGrid"]


@dataclass(frozen=True, slots=True)
class ShearedGrid:
    """A regular grid whose frames are not stacked at a right angle to their plane.

    A `Geometry` cannot say this, and most programs that read an affine assume a right angle; so
    it is never given in place of one, only by this name. No value is resampled.

    Parameters
    ----------
    shape : tuple of int
        (frames, rows, columns).
    origin : tuple of float
        Centre of voxel (0, 0, 0) in patient LPS mm.
    steps : tuple of tuple of float
        mm from a voxel to its neighbour along frames, rows and columns. The first one is not
        perpendicular to the others.
    """

    shape: tuple[int, int, int]
    origin: Vector
    steps: tuple[Vector, Vector, Vector]

    @property
    def affine(self) -> npt.NDArray[np.float64]:
        """4x4 matrix from (frame, row, column, 1) to LPS mm, the shear included."""
        import numpy as np

        matrix = np.eye(4)
        matrix[:3, :3] = np.array(self.steps).T
        matrix[:3, 3] = self.origin
        return matrix

    @property
    def affine_ras(self) -> npt.NDArray[np.float64]:
        """As `affine`, to RAS mm."""
        matrix = self.affine
        matrix[:2] = 0.0 - matrix[:2]
        return matrix

    @property
    def slice_distance(self) -> float:
        """Mm between neighbouring slices, at a right angle to them."""
        return abs(self._along_normal()[0])

    @property
    def tilt_degrees(self) -> float:
        """Angle between the step from frame to frame and the slice normal, as positions say."""
        along, aside = self._along_normal()
        return degrees(atan(aside / abs(along)))

    def _along_normal(self) -> tuple[float, float]:
        """Return how far a step to the next frame goes along the normal, and in the plane."""
        (x, y, z), (cx, cy, cz), (rx, ry, rz) = self.steps
        nx, ny, nz = ry * cz - rz * cy, rz * cx - rx * cz, rx * cy - ry * cx
        length = hypot(nx, ny, nz)
        along = (x * nx + y * ny + z * nz) / length
        aside = hypot(x - along * nx / length, y - along * ny / length, z - along * nz / length)
        return along, aside
