"""The grid of an open file, of one of its volumes, or of some of its frames."""

from __future__ import annotations

from math import isfinite, prod
from typing import TYPE_CHECKING, Any

from dicube_core.exceptions import GeometryError, MetaDataError
from dicube_plugins.axis_steps import Steps, even_steps, time_steps
from dicube_plugins.insight.grid import FRAME_ORDER, FRAME_ORDER_KEPT, PLANE, Grid

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dicube_core.geometry import Geometry
    from dicube_core.reader import Reader
    from dicube_core.spatial.axes import Axis
    from dicube_core.spatial.dimensions import Dimensions

__all__ = ["frame_order", "grid_of", "grid_of_frames"]

# Numbers, as looking up keywords would load pydicom.
_POSITION, _PIXEL_SPACING = "00200032", "00280030"
#: Where an axis starts and how far its steps are if it has no numbers, or no even ones.
_COUNTED = Steps(0.0, 1.0)
_ONE_BY_ONE = (
    "dicube_core.open(path).dimensions.frames_of() tells the frames of one volume; read these by "
    "number, or by their names with sitk.ImageSeriesReader"
)


def grid_of(reader: Reader) -> Grid:
    """Return the grid of a file as ITK's series reader gives it for the slices.

    ITK sorts slices along the normal of their plane, so that the grid is right-handed. A file may
    hold them the other way round; `Grid.frames` runs backwards then. Files without DICOM
    metadata, and those that say so (`FRAME_ORDER`), keep their order.

    One frame that has no place in a patient is a plane of two dimensions. Several volumes of one
    grid, told apart by one dimension, are an image of four; the fourth axis has the first value
    of the dimension and its even step, of time in seconds, else 0 and 1.

    Raises
    ------
    GeometryError
        The slices form no regular grid, or volumes of several dimensions; the message says why,
        and how to read them anyway.
    """
    if reader.geometry is None and reader.frame_count == 1:
        plane = _plane(reader)
        if plane is not None:
            return plane
    volumes = _volumes(reader)
    if volumes is None:
        return _oriented(reader.require_geometry(), range(reader.frame_count), reader)
    geometry = volumes.geometry
    if geometry is None:
        why = volumes.reason or "the volumes have no grid in common"
        raise GeometryError(f"{reader.name}: {volumes}: {why}", suggestion=_ONE_BY_ONE)
    if len(volumes.axes) > 1:
        raise GeometryError(
            f"{reader.name}: {volumes}: an image has one axis beside x, y and z",
            suggestion=_ONE_BY_ONE,
        )
    first = _oriented(geometry, volumes.frames[: volumes.slice_count], reader)
    return _joined(first, volumes, _steps(reader, volumes.axes[0]), reader)


def frame_order(reader: Reader) -> Sequence[int]:
    """Return the frames in ITK's order, volume after volume; as they are kept without a grid."""
    volumes = _volumes(reader)
    if volumes is not None:
        return volumes.frames
    try:
        return grid_of(reader).frames
    except GeometryError:
        return range(reader.frame_count)


def grid_of_frames(reader: Reader, frames: Sequence[int]) -> Grid:
    """Return the grid of frames that follow each other, in either direction.

    Those of one volume are an image of three dimensions. ITK would read others too, on a grid
    that is not theirs.

    Parameters
    ----------
    reader : Reader
        Of the file.
    frames : sequence of int
        In the order in which they are wanted; at least one.

    Raises
    ------
    FrameIndexError
        The file has no such frame.
    GeometryError
        There are frames between them, or they form no regular grid.
    """
    numbers = [reader.container.frame_number(frame) for frame in frames]
    volumes = _volumes(reader)
    if volumes is None:
        return _slab(grid_of(reader), numbers, reader)
    depth = volumes.slice_count
    place = {frame: place for place, frame in enumerate(volumes.frames)}
    touched = {place[number] // depth for number in numbers}
    if len(touched) == 1:
        return _slab(_volume(volumes, touched.pop(), reader), numbers, reader)
    whole, first, count = grid_of(reader), min(touched), len(touched)
    part = whole.region((0, 0, 0, first), (*whole.size[:3], min(count, whole.size[3] - first)))
    if list(part.frames) != numbers:
        raise _not_in_a_row(reader, frames)
    return part


def _slab(grid: Grid, numbers: Sequence[int], reader: Reader) -> Grid:
    places = [grid.frames.index(number) for number in numbers]
    first, count = min(places), len(places)
    upwards = list(range(first, first + count))
    if places == upwards:
        return grid.slab(first, count)
    if places == upwards[::-1]:
        return grid.slab(first, count).reverse()
    raise _not_in_a_row(reader, numbers)


def _not_in_a_row(reader: Reader, frames: Sequence[int]) -> GeometryError:
    return GeometryError(
        f"{reader.name}: frames {list(frames)} do not follow each other, so they form no regular "
        "grid of the file's spacing",
        suggestion="read the frames between them as well, or those of one volume; then extract "
        "what is wanted",
    )


def _volumes(reader: Reader) -> Dimensions | None:
    """Return the volumes of a series that has several, and every slice of each."""
    if reader.geometry is not None:
        return None
    found = reader.dimensions
    return found if found is not None and found.is_regular else None


def _volume(volumes: Dimensions, number: int, reader: Reader) -> Grid:
    """Return the grid of one volume, counted in the order of the frames."""
    index, rest = {}, number
    for axis in reversed(volumes.axes):
        rest, index[axis.name] = divmod(rest, len(axis))
    geometry = volumes.geometry_of(**index)
    if geometry is None:
        raise GeometryError(
            f"{reader.name}: {volumes}: the slices of a volume form no regular grid: "
            f"{volumes.reason}",
            suggestion="read them with dicube_core.open(path).frames()",
        )
    return _oriented(geometry, volumes.frames_of(**index), reader)


def _joined(first: Grid, volumes: Dimensions, steps: Steps, reader: Reader) -> Grid:
    """Return the grid of all volumes, in the order of their dimension, as sitk.JoinSeries."""
    depth = volumes.slice_count
    count = prod(map(len, volumes.axes))
    order = [volumes.frames.index(frame) for frame in first.frames]
    x, y, z = (first.direction[row * 3 : row * 3 + 3] for row in range(3))
    return Grid(
        size=(*first.size, count),
        spacing=(*first.spacing, steps.step),
        origin=(*first.origin, steps.first),
        direction=(*x, 0.0, *y, 0.0, *z, 0.0, 0.0, 0.0, 0.0, 1.0),
        frames=tuple(volumes.frames[n * depth + place] for n in range(count) for place in order),
    )


def _steps(reader: Reader, axis: Axis) -> Steps:
    found = time_steps(reader, axis) if axis.name == "time" else even_steps(axis.values)
    return found or _COUNTED


def _oriented(geometry: Geometry, frames: Sequence[int], reader: Reader) -> Grid:
    """Return the grid of a volume whose frames are these, in ITK's order."""
    xyz = geometry.in_axis_order("xyz")
    grid = Grid(
        size=tuple(int(n) for n in xyz.shape),
        spacing=tuple(float(v) for v in xyz.spacing),
        origin=tuple(float(v) for v in xyz.origin),
        direction=tuple(float(axis[row]) for row in range(3) for axis in xyz.axes),
        frames=frames,
    )
    if geometry.is_right_handed or not _is_sorted_by_itk(reader):
        return grid
    return grid.reverse()


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
        return Grid((columns, rows), *_plane_parts(stored, reader.name), (0,))
    spacing: tuple[float, ...] = (1.0, 1.0)  # ITK's own word for "nothing is known of it"
    if meta is not None and not meta.is_missing(_PIXEL_SPACING):
        # DICOM names the distance between rows first (PS3.3 10.7.1.3).
        value = meta.get_shared_value(_PIXEL_SPACING)
        spacing = _numbers(value, 2, f"{reader.name}: PixelSpacing", positive=True)[::-1]
    return Grid((columns, rows), spacing, (0.0, 0.0), (1.0, 0.0, 0.0, 1.0), (0,))


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
