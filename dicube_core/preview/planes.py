"""Axial, coronal and sagittal planes of a volume, with the right aspect and orientation letters.

Planes run along the voxel axes that are closest to those of the patient: nothing is interpolated
between slices, and of an oblique acquisition the planes are oblique, which is said.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dicube_core.exceptions import FrameIndexError
from dicube_core.preview.pictures import evenly_spaced
from dicube_core.spatial.letters import (
    closest_axes,
    direction_letters,
    opposite,
    reversed_direction,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from dicube_core.geometry import Geometry
    from dicube_core.preview.view import SeriesView

__all__ = ["PLANES", "Plane", "plane_values", "planes_of"]

#: Name: (patient axis across it, axis downwards and whether it ascends, axis to the right), as
#: radiologists hang them: seen from the feet, from the front, and from the left.
PLANES = {
    "axial": (2, (1, True), (0, True)),
    "coronal": (1, (2, False), (0, True)),
    "sagittal": (0, (2, False), (1, True)),
}
_ARRAY_AXES = ("frame", "row", "column")
#: Degrees below which an acquisition is not called oblique.
_STRAIGHT = 0.5
#: Samples per pixel of a plane through all frames.
_ENOUGH = 2 / 3


@dataclass(frozen=True, slots=True)
class Plane:
    """One plane through a volume, and how it hangs.

    Parameters
    ----------
    name : str
        ``'axial'``, ``'coronal'`` or ``'sagittal'``: what it is closest to.
    across, down, right : int
        Array axes: the one the plane stands at an index of, those that run down and to the right.
    flip_down, flip_right : bool
        Whether the index falls in that direction.
    index : int
        Index along `across`.
    spacing : (float, float)
        Mm between samples downwards and to the right.
    size : (int, int)
        Voxels downwards and to the right.
    letters : tuple of str
        At the left, right, upper and lower edge.
    degrees : float
        Largest angle between an axis of the volume and that of the patient.
    """

    name: str
    across: int
    down: int
    right: int
    flip_down: bool
    flip_right: bool
    index: int
    spacing: tuple[float, float]
    size: tuple[int, int]
    letters: tuple[str, str, str, str]
    degrees: float

    @property
    def extent(self) -> tuple[float, float]:
        """Mm that the plane is high and wide, from edge to edge of its voxels."""
        return self.size[0] * self.spacing[0], self.size[1] * self.spacing[1]

    @property
    def is_oblique(self) -> bool:
        """Whether the volume lies askew in the patient."""
        return self.degrees >= _STRAIGHT

    @property
    def title(self) -> str:
        """Name and place as words."""
        askew = f", oblique {self.degrees:.0f}°" if self.is_oblique else ""
        return f"{self.name}{askew}, {_ARRAY_AXES[self.across]} {self.index}"


def planes_of(geometry: Geometry, at: Sequence[int] | None = None) -> dict[str, Plane]:
    """Return the three planes through one voxel.

    Parameters
    ----------
    geometry : Geometry
        Of the volume.
    at : (frame, row, column), optional
        The voxel, 0-based, negative from the end; by default that in the middle.

    Raises
    ------
    FrameIndexError
        It is outside of the volume.
    """
    shape = geometry.shape
    chosen = [n // 2 for n in shape] if at is None else [int(i) for i in at]
    if len(chosen) != 3 or not all(-n <= i < n for i, n in zip(chosen, shape, strict=True)):
        raise FrameIndexError(f"there is no voxel {tuple(chosen)} in a volume of {shape}")
    patient = closest_axes(geometry)
    degrees = max(axis.degrees for axis in patient)
    result = {}
    for name, (across, (down, down_up), (right, right_up)) in PLANES.items():
        rows, columns = patient[down], patient[right]
        flip_down, flip_right = rows.ascending != down_up, columns.ascending != right_up
        low, to_right = (
            reversed_direction(geometry.axes[axis.array_axis])
            if flip
            else geometry.axes[axis.array_axis]
            for axis, flip in ((rows, flip_down), (columns, flip_right))
        )
        r, c, a = rows.array_axis, columns.array_axis, patient[across].array_axis
        below, beside = direction_letters(low), direction_letters(to_right)
        result[name] = Plane(
            name,
            a,
            r,
            c,
            flip_down,
            flip_right,
            chosen[a] % shape[a],
            (geometry.spacing[r], geometry.spacing[c]),
            (shape[r], shape[c]),
            (opposite(beside), beside, opposite(below), below),
            degrees,
        )
    return result


def plane_values(
    view: SeriesView,
    frames: Sequence[int],
    planes: Sequence[Plane],
    size: float | None = None,
) -> list[npt.NDArray[Any]]:
    """Return what is to be seen on planes of one volume, as it hangs.

    Of each frame only its line is kept, so memory does not grow with the volume.

    Parameters
    ----------
    view : SeriesView
        The series.
    frames : sequence of int
        The volume's, in the order of its slices.
    planes : sequence of Plane
        Of `planes_of` its geometry.
    size : float, optional
        Pixels per mm that are wanted: lower resolutions, and fewer frames, are decoded as far as
        they are enough. By default everything is.

    Returns
    -------
    list of ndarray of shape (down, right) or (down, right, 3)
        As `SeriesView.shown` gives them.
    """
    import numpy as np

    level, stops = _detail(view, frames, [plane for plane in planes if plane.across != 0], size)
    own_level, _ = _detail(view, frames, [plane for plane in planes if plane.across == 0], size)
    through = [plane for plane in planes if plane.across != 0]
    lines: dict[str, list[Any]] = {plane.name: [None] * len(stops) for plane in through}

    def take(place: int, frame: npt.NDArray[Any]) -> None:
        for plane in through:
            at = min(plane.index >> level, frame.shape[plane.across - 1] - 1)
            line = frame[at] if plane.across == 1 else frame[:, at]
            lines[plane.name][place] = line.copy()

    if through:
        view.each([frames[i] for i in stops], level, take)
    result = []
    for plane in planes:
        if plane.across == 0:
            values = view.shown(frames[plane.index], own_level)
            remaining = (1, 2)
        else:
            values = np.stack(lines[plane.name])
            remaining = (0, 3 - plane.across)
        if (plane.down, plane.right) != remaining:
            values = values.swapaxes(0, 1)
        values = values[:: -1 if plane.flip_down else 1, :: -1 if plane.flip_right else 1]
        result.append(values)
    return result


def _detail(
    view: SeriesView, frames: Sequence[int], planes: Sequence[Plane], size: float | None
) -> tuple[int, list[int]]:
    """Return the resolution level, and which frames of the volume are enough."""
    if size is None:
        return 0, list(range(len(frames)))
    levels, most = [], 2
    for plane in planes:
        # All frames are decoded for planes through them: two thirds of what is wanted is enough.
        room = 1.0 if plane.across == 0 else _ENOUGH
        for axis, count, mm in zip(
            (plane.down, plane.right), plane.size, plane.spacing, strict=True
        ):
            wanted = count * mm * size
            if axis == 0:
                most = max(most, 2 * round(wanted))
            else:
                levels.append(view.level_for(count, room * wanted))
    return min(levels, default=0), evenly_spaced(len(frames), most)
