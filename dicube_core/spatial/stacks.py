"""Places of slices along their normal, in one stack of slices or in several."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise, product
from math import hypot
from typing import TYPE_CHECKING

from dicube_core.spatial.axes import AXES, Axis
from dicube_core.spatial.grid_search import Columns, Found, search
from dicube_core.spatial.header_checks import common_value, near
from dicube_core.spatial.marks import STACK_ID, sort_key
from dicube_core.spatial.planes import ORIENTATION_TOLERANCE
from dicube_core.spatial.spatial_checks import (
    MAX_COORDINATE,
    place_tolerance,
    touching_distance,
)

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from dicube_core.spatial.grid_search import Cells
    from dicube_core.spatial.planes import Orientation, SliceAttributes

__all__ = ["Grid", "find_grid"]

_STACKS = ("stack", "stacks")
#: Frames of nuclear medicine have vectors that count them, and often no position (PS3.3 C.8.4.8).
_COUNTED = tuple(
    spec._replace(
        by_value=tuple(tags for tags in spec.by_value if 0x00540000 < tags[0] < 0x00540200),
        by_order=(),
    )
    for spec in AXES
)


@dataclass(frozen=True, slots=True)
class Grid:
    """Axes, and which slices stand in which cell: (place, step along each axis)."""

    axes: tuple[Axis, ...]
    cells: Cells
    places_per_stack: tuple[int, ...]
    complete: bool
    problem: str = ""  # why it is not complete, where that is not a matter of single cells

    @property
    def places(self) -> int:
        """Slices per volume; of the largest stack, where they differ."""
        return max(self.places_per_stack)

    def frames(self) -> tuple[int, ...]:
        """Return the slice of each cell, places changing fastest."""
        steps = product(*(range(len(axis)) for axis in self.axes))
        return tuple(
            self.cells[(place, *step)][0] for step in steps for place in range(self.places)
        )


def find_grid(slices: Sequence[SliceAttributes]) -> Grid | None:
    """Return the volumes that slices form; None where there is one, or where nothing tells."""
    if len(slices) < 2:
        return None
    if all(one.position is None for one in slices):
        return _one_stack(Columns(slices), [list(range(len(slices)))], counted=True)
    if not all(map(_is_placed, slices)):
        return None
    by_orientation = _by_orientation(slices)
    if len(by_orientation) > 1:
        return _several(slices, by_orientation, "ImageOrientationPatient")
    return _parallel(slices, *by_orientation[0])


def _parallel(
    slices: Sequence[SliceAttributes], orientation: Orientation, everything: Sequence[int]
) -> Grid | None:
    """Return the volumes of slices that share one orientation."""
    places = _places(slices, everything, orientation)
    if places is None:
        return None
    if len(places) == len(slices) and _is_even(slices, places, orientation):
        return None
    columns = Columns(slices)
    whole = _one_stack(columns, places) if len(places) < len(slices) else None
    if whole is not None and whole.complete:
        return whole
    return _by_stack_id(slices, columns, everything) or whole


def _is_placed(one: SliceAttributes) -> bool:
    if one.position is None or one.orientation is None:
        return False
    # Written so that NaN fails, too.
    return all(abs(x) <= MAX_COORDINATE for x in one.position) and _normal(one.orientation) != ()


def _normal(orientation: Orientation) -> tuple[float, ...]:
    """Return the unit normal, empty where the two directions do not span a plane."""
    rx, ry, rz, cx, cy, cz = orientation
    nx, ny, nz = ry * cz - rz * cy, rz * cx - rx * cz, rx * cy - ry * cx
    length = hypot(nx, ny, nz)
    return (nx / length, ny / length, nz / length) if 0.9 < length < 1.1 else ()


def _by_orientation(
    slices: Sequence[SliceAttributes],
) -> list[tuple[Orientation, list[int]]]:
    """Group the slices by orientation; the result does not depend on their order."""
    groups: dict[Orientation, list[int]] = {}
    for index, one in enumerate(slices):
        if one.orientation is not None:
            groups.setdefault(one.orientation, []).append(index)
    merged: list[tuple[Orientation, list[int]]] = []
    for orientation in sorted(groups):
        for known, own in merged:
            if near(known, orientation, ORIENTATION_TOLERANCE):
                own.extend(groups[orientation])
                break
        else:
            merged.append((orientation, groups[orientation]))
    return merged


def _places(
    slices: Sequence[SliceAttributes], chosen: Sequence[int], orientation: Orientation
) -> list[list[int]] | None:
    """Return the slices at each place along the normal, None if some are shifted in the plane."""
    spacings = [slices[i].pixel_spacing for i in chosen]
    touching = touching_distance(common_value(s for s in spacings if s and min(s) > 0))
    heights = _heights(slices, chosen, orientation)
    ordered = sorted(chosen, key=heights.__getitem__)
    places: list[list[int]] = []
    start = 0.0
    for index in ordered:
        if places and heights[index] - start <= touching:
            if not _is_near(slices[places[-1][0]], slices[index], 2 * touching):
                return None
            places[-1].append(index)
        else:
            places.append([index])
            start = heights[index]
    return places


def _heights(
    slices: Sequence[SliceAttributes], chosen: Sequence[int], orientation: Orientation
) -> dict[int, float]:
    nx, ny, nz = _normal(orientation)
    heights = {}
    for index in chosen:
        x, y, z = slices[index].position or (0.0, 0.0, 0.0)
        heights[index] = x * nx + y * ny + z * nz
    return heights


def _is_near(first: SliceAttributes, second: SliceAttributes, distance: float) -> bool:
    return near(first.position or (), second.position or (), distance)


def _is_even(
    slices: Sequence[SliceAttributes], places: Sequence[list[int]], orientation: Orientation
) -> bool:
    """Return whether single slices are evenly spaced, so that there is nothing to explain."""
    chosen = [own[0] for own in places]
    heights = _heights(slices, chosen, orientation)
    steps = [heights[b] - heights[a] for a, b in pairwise(chosen)]
    tolerance = 2 * place_tolerance(min(steps))
    return max(steps) - min(steps) <= tolerance


def _one_stack(
    columns: Columns, places: Sequence[list[int]], *, counted: bool = False
) -> Grid | None:
    found = search(columns, places, _COUNTED if counted else AXES)
    if found is None or (counted and not found.complete):
        return None
    return Grid(found.axes, found.cells, (found.places,), found.complete)


def _by_stack_id(
    slices: Sequence[SliceAttributes], columns: Columns, everything: Sequence[int]
) -> Grid | None:
    """Return the grid of parallel stacks that StackID tells apart."""
    names = columns.get((STACK_ID,))
    if names is None or None in names:
        return None
    groups: dict[Hashable, list[int]] = {}
    for index in everything:
        groups.setdefault(names[index], []).append(index)
    return _several(
        slices, [(name, groups[name]) for name in sorted(groups, key=sort_key)], "StackID"
    )


def _several(
    slices: Sequence[SliceAttributes],
    groups: Sequence[tuple[Hashable, list[int]]],
    keyword: str,
) -> Grid | None:
    """Return the grid of several stacks."""
    axis = Axis("stack", keyword, "", tuple(name for name, _ in groups), _STACKS)
    columns, found = Columns(slices), list[Found]()
    for _, own in groups:
        orientation = slices[own[0]].orientation
        places = None if orientation is None else _places(slices, own, orientation)
        one = None if places is None else search(columns, places)
        if one is None or not one.complete:
            return None
        found.append(one)
    counts = tuple(one.places for one in found)
    if max(counts) == 1 and not found[0].axes:
        return None  # each slice has an orientation of its own
    sizes = tuple(len(own) for _, own in groups)
    problem = ""
    if len(set(counts)) > 1:
        problem = f"stacks of {_and(counts)} slices"
    elif len({_signature(one) for one in found}) > 1:
        problem = f"stacks of {_and(sizes)} frames that have not the same dimensions"
    if problem:
        return Grid((axis,), {}, counts, complete=False, problem=problem)
    cells: Cells = {}
    for number, one in enumerate(found):
        cells.update({(place, number, *rest): own for (place, *rest), own in one.cells.items()})
    return Grid((axis, *found[0].axes), cells, counts, complete=True)


def _signature(found: Found) -> tuple[Axis, ...]:
    """Return what must agree between stacks; values that vary within one need not."""
    return tuple(
        replace(axis, also=(), values=(None,) * len(axis) if axis.varies else axis.values)
        for axis in found.axes
    )


def _and(numbers: Sequence[int]) -> str:
    texts = list(map(str, numbers[:12])) + (["more"] if len(numbers) > 12 else [])
    return f"{', '.join(texts[:-1])} and {texts[-1]}"
