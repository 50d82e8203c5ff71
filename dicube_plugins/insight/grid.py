"""The grid of a file in ITK's terms: sizes along (x, y, z), a direction matrix, LPS millimetres."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from dicube_core.exceptions import GeometryError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["FRAME_ORDER", "FRAME_ORDER_KEPT", "PLANE", "Grid"]

#: Key and value in the pixel header of a file whose frames are to be handed out in the order they
#: were written in. It is set where an image was left-handed, which no sorted DICOM series is.
FRAME_ORDER = "FrameOrder"
FRAME_ORDER_KEPT = "as written"
#: Key in the pixel header: spacing, origin and direction of a two-dimensional image.
PLANE = "Plane"


@dataclass(frozen=True, slots=True)
class Grid:
    """Size and place of an ITK image. All values are plain Python numbers.

    Parameters
    ----------
    size : tuple of int
        (columns, rows, slices, volumes), or the first two or three of them.
    spacing : tuple of float
        mm along each of these axes; along the fourth, in the unit of the dimension.
    origin : tuple of float
        Centre of the first voxel, patient LPS mm; along the fourth axis, its first value.
    direction : tuple of float
        Matrix whose columns are the unit vectors of the axes, row by row.
    frames : sequence of int
        Which frame of the file each slice is: z first, then volume after volume. Empty for an
        image that is in no file yet.
    """

    size: tuple[int, ...]
    spacing: tuple[float, ...]
    origin: tuple[float, ...]
    direction: tuple[float, ...]
    frames: Sequence[int] = ()

    @property
    def dimension(self) -> int:
        """2, 3 or 4."""
        return len(self.size)

    def slab(self, start: int, count: int) -> Grid:
        """Return the grid of some slices of a volume; a plane is its own one slice."""
        if self.dimension == 2:
            return self
        return self.region((0, 0, start), (*self.size[:2], count))

    def point(self, index: Sequence[int]) -> tuple[float, ...]:
        """Return where a voxel is, LPS mm."""
        n = self.dimension
        steps = [i * mm for i, mm in zip(index, self.spacing, strict=True)]
        return tuple(
            self.origin[row]
            + sum(self.direction[row * n + axis] * steps[axis] for axis in range(n))
            for row in range(n)
        )

    def region(self, index: Sequence[int], size: Sequence[int]) -> Grid:
        """Return the grid of a part, with its frames and no others."""
        frames = self.frames
        if self.dimension == 3:
            frames = frames[index[2] : index[2] + size[2]]
        elif self.dimension == 4:
            depth = self.size[2]
            starts = range(index[3] * depth, (index[3] + size[3]) * depth, depth)
            first, last = index[2], index[2] + size[2]
            frames = tuple(f for at in starts for f in frames[at + first : at + last])
        return replace(self, size=tuple(size), origin=self.point(index), frames=frames)

    def reverse(self) -> Grid:
        """Return the same voxels with z the other way round.

        Raises
        ------
        GeometryError
            There is not one z axis: a plane, or several volumes.
        """
        if self.dimension != 3:
            raise GeometryError(
                f"an image of {self.dimension} dimensions is not read backwards",
                suggestion="read its volumes one by one, or turn the image around",
            )
        # 0 - v and not -v: there is no use in a negative zero.
        direction = tuple(0.0 - v if i % 3 == 2 else v for i, v in enumerate(self.direction))
        origin = self.point((0, 0, self.size[2] - 1))
        return replace(self, origin=origin, direction=direction, frames=self.frames[::-1])

    def to_plane(self) -> dict[str, list[float]]:
        """Return what `PLANE` holds of a grid of two dimensions."""
        return {
            "spacing": list(self.spacing),
            "origin": list(self.origin),
            "direction": list(self.direction),
        }
