"""Several volumes in one series: echoes, phases, time points, b-values, stacks.

A dimension is what the headers prove: places repeat, and the values of an attribute put the
repeats of every place into one full grid (see `grid_search`). Slices at one place that no known
attribute tells apart are duplicates, not a dimension; a grid with holes is told as such, and
never filled.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from math import prod
from typing import TYPE_CHECKING

from dicube_core.exceptions import FrameIndexError, GeometryError
from dicube_core.spatial.axes import Axis, counted, value_text
from dicube_core.spatial.stacks import find_grid

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import numpy.typing as npt

    from dicube_core.geometry import Geometry, Vector
    from dicube_core.spatial.planes import SliceAttributes
    from dicube_core.spatial.sheared import ShearedGrid
    from dicube_core.spatial.stacks import Grid

__all__ = ["Dimensions", "find_dimensions"]

_SLICES = ("slice", "slices")
_MOST_NAMED = 8


@dataclass(frozen=True, slots=True)
class Dimensions:
    """The volumes of a series, and which frames they consist of.

    Immutable, hashable, picklable, and safe to share between threads.

    Parameters
    ----------
    axes : tuple of Axis
        Outermost first; at least one. Slices are not among them.
    slice_count : int
        Slices per volume; where the grid is not full, the number of places.
    frames : tuple of int
        Frame numbers, 0-based, in the order of the grid: the last axis of `index`, the slices
        along their normal, changes fastest. Empty where the grid is not full.
    reason : str
        Why there is no full grid, or no geometry of a volume; empty where there are both.
    geometries : tuple of (Geometry or None)
        The grid of a volume in space: one for all of them, or one for each stack. None where its
        slices form no regular grid.
    sheared : ShearedGrid or None
        Where only a gantry tilt keeps the volumes from having a geometry.
    missing : tuple of tuple of float
        ImagePositionPatient of the places where the grid has holes, LPS mm.
    """

    axes: tuple[Axis, ...]
    slice_count: int
    frames: tuple[int, ...] = ()
    reason: str = ""
    geometries: tuple[Geometry | None, ...] = ()
    sheared: ShearedGrid | None = None
    missing: tuple[Vector, ...] = ()

    @property
    def is_regular(self) -> bool:
        """Whether every place of the grid holds exactly one frame."""
        return bool(self.frames)

    @property
    def is_contiguous(self) -> bool:
        """Whether frames are kept volume after volume, slices along their normal."""
        return self.is_regular and self.frames == tuple(range(len(self.frames)))

    @property
    def shape(self) -> tuple[int, ...]:
        """Lengths of all axes, that of the slices last."""
        return (*map(len, self.axes), self.slice_count)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the axes, outermost first."""
        return tuple(axis.name for axis in self.axes)

    @property
    def volume_count(self) -> int:
        """Number of volumes."""
        return prod(map(len, self.axes))

    @property
    def index(self) -> npt.NDArray[np.intp]:
        """Frame number at each place of the grid; an array of shape `shape`.

        Raises
        ------
        GeometryError
            The grid is not full.
        """
        import numpy as np

        self._require_regular()
        return np.array(self.frames, dtype=np.intp).reshape(self.shape)

    @property
    def geometry(self) -> Geometry | None:
        """The grid in space that all volumes share, None where they share none."""
        first = self.geometries[0] if self.geometries else None
        return first if all(one == first for one in self.geometries) else None

    def geometry_of(self, **index: int) -> Geometry | None:
        """Return the grid in space of one volume, None where its slices form none.

        Parameters
        ----------
        **index : int
            As for `frames_of`. Only the stack matters.
        """
        steps = self._steps(index)
        if len(self.geometries) < 2:
            return self.geometries[0] if self.geometries else None
        chosen = steps[self.names.index("stack")]
        return self.geometries[chosen[0]] if len(chosen) == 1 else self.geometry

    def frames_of(self, **index: int) -> tuple[int, ...]:
        """Return the frame numbers of one volume, its slices along their normal.

        Parameters
        ----------
        **index : int
            Step along each axis by its name, 0-based, negative from the end, such as
            ``echo=0, time=3``. Of an axis that is left out all steps are taken, in order, so a
            series with one axis gives one volume for one number.

        Raises
        ------
        ValueError
            The series has no axis of this name.
        FrameIndexError
            A step is beyond the length of its axis.
        GeometryError
            The grid is not full.
        """
        self._require_regular()
        result: list[int] = []
        for step in product(*self._steps(index)):
            volume = 0
            for number, axis in zip(step, self.axes, strict=True):
                volume = volume * len(axis) + number
            result += self.frames[volume * self.slice_count : (volume + 1) * self.slice_count]
        return tuple(result)

    def _steps(self, index: dict[str, int]) -> list[Sequence[int]]:
        """Return the steps that are asked for along each axis."""
        for name, step in index.items():
            if name not in self.names:
                raise ValueError(f"no dimension {name!r} here; there are {', '.join(self.names)}")
            count = len(self.axes[self.names.index(name)])
            if not -count <= step < count:
                raise FrameIndexError(f"{name} {step} of {count}")
        return [
            (index[axis.name] % len(axis),) if axis.name in index else range(len(axis))
            for axis in self.axes
        ]

    def _require_regular(self) -> None:
        if not self.is_regular:
            raise GeometryError(
                f"the volumes do not form a full grid: {self.reason}",
                suggestion="read the frames one by one; 'dcbs info' lists all findings",
            )

    def __str__(self) -> str:
        axes = " x ".join(map(str, self.axes))
        if not self.is_regular:
            return f"{axes}: not a full grid, {self.reason}"
        return (
            f"{axes} of {counted(self.slice_count, _SLICES)}: a regular grid of "
            f"{len(self.frames)} frames"
        )


def find_dimensions(slices: Sequence[SliceAttributes]) -> Dimensions | None:
    """Return the volumes that a series consists of; their geometry is not looked at.

    Parameters
    ----------
    slices : sequence of SliceAttributes
        In any order. The result does not depend on it, but for the frame numbers.

    Returns
    -------
    Dimensions or None
        None for one volume, for slices without position, and where nothing but duplicates
        stands at any place.
    """
    grid = find_grid(slices)
    if grid is None:
        return None
    if grid.complete:
        return Dimensions(grid.axes, grid.places, grid.frames())
    holes = _holes(grid)
    reason, missing = _reason(grid, holes, slices)
    return Dimensions(grid.axes, grid.places, reason=reason, missing=missing)


def _holes(grid: Grid) -> list[tuple[int, ...]]:
    """Return the empty cells: (place, step along each axis)."""
    if len(grid.places_per_stack) > 1:
        return []
    steps = product(range(grid.places), *(range(len(axis)) for axis in grid.axes))
    return [cell for cell in steps if cell not in grid.cells]


def _reason(
    grid: Grid, holes: list[tuple[int, ...]], slices: Sequence[SliceAttributes]
) -> tuple[str, tuple[Vector, ...]]:
    """Return why the grid is not full, and where it has holes."""
    if grid.problem:
        return grid.problem, ()
    doubled = sum(len(own) - 1 for own in grid.cells.values() if len(own) > 1)
    parts = []
    if holes:
        cells = prod(map(len, grid.axes)) * grid.places
        are = "is" if len(holes) == 1 else "are"
        parts.append(f"{len(holes)} of its {cells} places {are} empty ({_named(grid, holes)})")
    if doubled:
        parts.append(f"{doubled} frame(s) share place and values with another one")
    of_place = {key[0]: own[0] for key, own in grid.cells.items()}
    at = [slices[of_place[hole[0]]].position for hole in holes]
    return " and ".join(parts), tuple(position for position in at if position is not None)


def _named(grid: Grid, holes: list[tuple[int, ...]]) -> str:
    """Return which steps of the axes lack how many slices."""
    counts: dict[tuple[int, ...], int] = {}
    for hole in holes:
        counts[hole[1:]] = counts.get(hole[1:], 0) + 1
    words = []
    for steps, count in list(counts.items())[:_MOST_NAMED]:
        named = ", ".join(
            f"{axis.words[0]} {value_text(axis.values[step])}"
            for axis, step in zip(grid.axes, steps, strict=True)
        )
        words.append(f"{named} lacks {counted(count, _SLICES)}")
    more = len(counts) - _MOST_NAMED
    return "; ".join(words) + (f"; and {more} more" if more > 0 else "")
