"""The grid of a file in ITK's terms: sizes along (x, y, z), a direction matrix, LPS millimetres."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import isfinite
from typing import TYPE_CHECKING, Any

from dicube_core.exceptions import MetaDataError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dicube_core.geometry import Geometry
    from dicube_core.reader import Reader

__all__ = ["FRAME_ORDER", "FRAME_ORDER_KEPT", "PLANE", "Grid", "grid_of"]

#: Key and value in the pixel header of a file whose frames are to be handed out in the order they
#: were written in. It is set where an image was left-handed, which no sorted DICOM series is.
FRAME_ORDER = "FrameOrder"
FRAME_ORDER_KEPT = "as written"
#: Key in the pixel header: spacing, origin and direction of a two-dimensional image.
PLANE = "Plane"
# Numbers, as looking up keywords would load pydicom.
_POSITION, _PIXEL_SPACING = "00200032", "00280030"


@dataclass(frozen=True, slots=True)
class Grid:
    """Size and place of an ITK image. All values are plain Python numbers.

    Parameters
    ----------
    size : tuple of int
        (columns, rows, frames), or (columns, rows).
    spacing : tuple of float
        mm along each of these axes.
    origin : tuple of float
        Centre of the first voxel, patient LPS mm.
    direction : tuple of float
        Matrix whose columns are the unit vectors of the axes, row by row.
    frame_count : int
        Of the file.
    backwards : bool
        Whether z runs from the last frame of the file to its first.
    first : int
        How many slices of the file, in the order of z, are left out before the first.
    """

    size: tuple[int, ...]
    spacing: tuple[float, ...]
    origin: tuple[float, ...]
    direction: tuple[float, ...]
    frame_count: int
    backwards: bool = False
    first: int = 0

    @property
    def dimension(self) -> int:
        """2 or 3."""
        return len(self.size)

    def frames(self, start: int, count: int) -> range:
        """Return which frames of the file the z indices ``start .. start + count - 1`` are."""
        start += self.first
        if not self.backwards:
            return range(start, start + count)
        last = self.frame_count - 1 - start
        return range(last, last - count, -1)

    def slab(self, start: int, count: int) -> Grid:
        """Return the grid of some slices, by themselves; a plane is its own one slice."""
        if self.dimension == 2:
            return self
        grid = self.region((0, 0, start), (*self.size[:2], count))
        return replace(grid, first=self.first + start)

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
        """Return the grid of a part; `frames` of it still counts from the start of the whole."""
        return replace(self, size=tuple(size), origin=self.point(index))

    def reverse(self) -> Grid:
        """Return the same voxels with z the other way round."""
        last = (0, 0, self.size[2] - 1)
        # 0 - v and not -v: there is no use in a negative zero.
        direction = tuple(0.0 - v if i % 3 == 2 else v for i, v in enumerate(self.direction))
        return replace(
            self,
            origin=self.point(last),
            direction=direction,
            backwards=not self.backwards,
            first=self.frame_count - self.first - self.size[2],
        )

    def to_plane(self) -> dict[str, list[float]]:
        """Return what `PLANE` holds of a grid of two dimensions."""
        return {
            "spacing": list(self.spacing),
            "origin": list(self.origin),
            "direction": list(self.direction),
        }


def grid_of(reader: Reader) -> Grid:
    """Return the grid of a file as ITK's series reader gives it for the slices.

    ITK sorts slices along the normal of their plane, so that the grid is right-handed. A file may
    hold them the other way round; `Grid.backwards` is set then. Files without DICOM metadata,
    and those that say so (`FRAME_ORDER`), keep their order.

    One frame that has no place in a patient is a plane of two dimensions.

    Raises
    ------
    GeometryError
        The slices form no regular grid; the message says why, and how to read them anyway.
    """
    geometry = reader.geometry
    if geometry is None and reader.frame_count == 1:
        plane = _plane(reader)
        if plane is not None:
            return plane
    geometry = reader.require_geometry()
    grid = _grid(geometry, reader.frame_count)
    if geometry.is_right_handed or not _is_sorted_by_itk(reader):
        return grid
    return grid.reverse()


def _grid(geometry: Geometry, frame_count: int) -> Grid:
    xyz = geometry.in_axis_order("xyz")
    return Grid(
        size=tuple(int(n) for n in xyz.shape),
        spacing=tuple(float(v) for v in xyz.spacing),
        origin=tuple(float(v) for v in xyz.origin),
        direction=tuple(float(axis[row]) for row in range(3) for axis in xyz.axes),
        frame_count=frame_count,
    )


def _is_sorted_by_itk(reader: Reader) -> bool:
    if reader.pixel_header.Extras.get(FRAME_ORDER) == FRAME_ORDER_KEPT:
        return False
    meta = reader.dicom_meta
    return meta is not None and not meta.is_missing(_POSITION)


def _plane(reader: Reader) -> Grid | None:
    """Return the plane of a frame without a position, None where there is one."""
    meta = reader.dicom_meta
    if meta is not None and not meta.is_missing(_POSITION):
        return None
    rows, columns = reader.pixel_format.shape[:2]
    stored = reader.pixel_header.Extras.get(PLANE)
    if stored is not None:
        return Grid((columns, rows), *_plane_parts(stored, reader.name), 1)
    spacing: tuple[float, ...] = (1.0, 1.0)  # ITK's own word for "nothing is known of it"
    if meta is not None and not meta.is_missing(_PIXEL_SPACING):
        # DICOM names the distance between rows first (PS3.3 10.7.1.3).
        value = meta.get_shared_value(_PIXEL_SPACING)
        spacing = _numbers(value, 2, f"{reader.name}: PixelSpacing", positive=True)[::-1]
    return Grid((columns, rows), spacing, (0.0, 0.0), (1.0, 0.0, 0.0, 1.0), 1)


def _plane_parts(
    stored: Any, name: str
) -> tuple[tuple[float, ...], tuple[float, ...], tuple[float, ...]]:
    what = f"{name}: pixel header: {PLANE}"
    parts = stored if isinstance(stored, dict) else {}
    return (
        _numbers(parts.get("spacing"), 2, f"{what}: spacing", positive=True),
        _numbers(parts.get("origin"), 2, f"{what}: origin"),
        _numbers(parts.get("direction"), 4, f"{what}: direction"),
    )


def _numbers(value: Any, count: int, what: str, *, positive: bool = False) -> tuple[float, ...]:
    try:
        numbers = tuple(float(v) for v in value)
    except (TypeError, ValueError):
        numbers = ()
    good = len(numbers) == count and all(isfinite(v) and (v > 0 or not positive) for v in numbers)
    if not good:
        raise MetaDataError(f"{what} is {value!r}; {count} numbers are needed")
    return numbers
