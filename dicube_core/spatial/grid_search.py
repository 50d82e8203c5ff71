"""Find the attributes that put the slices at every place into one full grid.

An attribute is believed only if it does so everywhere: each place has the same values, each as
often as any other. So what merely varies from slice to slice, as AcquisitionTime does in any CT,
is never taken for a dimension.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from dicube_core.spatial.axes import AXES, Axis, AxisSpec, Labels
from dicube_core.spatial.marks import MARKS, SHOWN_TAGS, column, sort_key

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Sequence

    from dicube_core.spatial.planes import SliceAttributes

    Cells = dict[tuple[int, ...], list[int]]

__all__ = ["Columns", "Found", "search"]

_REPEAT = ("repeat", ("repeat", "repeats"))


class Columns:
    """The values of attributes in all slices, parsed when first asked for."""

    def __init__(self, slices: Sequence[SliceAttributes]) -> None:
        self._slices = slices
        self._present: set[int] = set()
        for one in slices:
            self._present.update(one.marks)
        self._known: dict[tuple[int, ...], list[Hashable] | None] = {}

    def get(self, tags: tuple[int, ...]) -> list[Hashable] | None:
        """Return one value per slice, None if all are the same, or none can be used."""
        if tags not in self._known:
            self._known[tags] = self._made(tags)
        return self._known[tags]

    def _made(self, tags: tuple[int, ...]) -> list[Hashable] | None:
        if not self._present.intersection(tags):
            return None
        columns = [column(self._slices, tag) for tag in tags]
        values = columns[0]
        if len(columns) > 1:
            # The first one says whether there is a value at all; others may lack in places.
            values = [None if parts[0] is None else parts for parts in zip(*columns, strict=True)]
        return values if any(value != values[0] for value in values) else None


@dataclass(frozen=True, slots=True)
class Found:
    """Axes, and which slices stand in which cell.

    Parameters
    ----------
    axes : tuple of Axis
        Outermost first.
    cells : dict
        (place, step along each axis) -> slices.
    places : int
        Number of places along the slice normal.
    complete : bool
        Every cell of the grid holds one slice.
    """

    axes: tuple[Axis, ...]
    cells: Cells
    places: int
    complete: bool


def search(
    columns: Columns, places: Sequence[list[int]], specs: Sequence[AxisSpec] = AXES
) -> Found | None:
    """Tell the slices that share a place apart.

    Parameters
    ----------
    columns : Columns
        Of all slices.
    places : sequence of list of int
        The slices at each place, along the normal.
    specs : sequence of AxisSpec
        What to look for.

    Returns
    -------
    Found or None
        None if no known attribute tells them apart in at least half of the places.
    """
    start: Cells = {(place,): own for place, own in enumerate(places)}
    if max(map(len, places)) == 1:
        return Found((), start, len(places), complete=True)
    found = None
    if len(set(map(len, places))) == 1:
        found = _full(columns, start, specs)
    if found is not None:
        return replace(found, axes=_with_labels(columns, found))
    return _partial(columns, start, specs)


def _full(columns: Columns, start: Cells, specs: Sequence[AxisSpec]) -> Found | None:
    """Return axes that fill a grid, None if there are none."""
    cells, axes = start, list[Axis]()
    for spec in specs:
        if _is_done(cells):
            break
        if any(axis.name == spec.name for axis in axes):
            continue
        for tags in spec.by_value:
            values = columns.get(tags)
            steps = None if values is None else _common_values(cells.values(), values)
            if values is not None and steps is not None:
                axes.append(_axis(spec, tags, steps))
                cells = _split(cells, values, steps)
                break
    if not _is_done(cells):
        ordered = _by_order(columns, cells, specs)
        if ordered is None:
            return None
        axis, cells = ordered
        if any(one.name == axis.name for one in axes):
            axis = replace(axis, name=_REPEAT[0], words=_REPEAT[1])
        axes.append(axis)
    return Found(tuple(axes), cells, len(start), complete=True)


def _is_done(cells: Cells) -> bool:
    return all(len(own) == 1 for own in cells.values())


def _common_values(
    cells: Iterable[list[int]], values: Sequence[Hashable]
) -> tuple[Hashable, ...] | None:
    """Return the values that every cell has equally often, None if they are not that regular."""
    common: Counter[Hashable] | None = None
    for own in cells:
        counts = Counter(values[index] for index in own)
        if common is None:
            if len(counts) < 2 or None in counts or len(set(counts.values())) > 1:
                return None
            common = counts
        elif counts != common:
            return None
    return None if common is None else tuple(sorted(common, key=sort_key))


def _axis(spec: AxisSpec, tags: tuple[int, ...], steps: tuple[Hashable, ...]) -> Axis:
    keyword = ", ".join(MARKS[tag].keyword for tag in tags)
    return Axis(spec.name, keyword, MARKS[tags[0]].unit, steps, spec.words)


def _split(cells: Cells, values: Sequence[Hashable], steps: Sequence[Hashable]) -> Cells:
    numbers = {value: number for number, value in enumerate(steps)}
    result: Cells = {}
    for key, own in cells.items():
        for index in own:
            result.setdefault((*key, numbers[values[index]]), []).append(index)
    return result


def _by_order(
    columns: Columns, cells: Cells, specs: Sequence[AxisSpec]
) -> tuple[Axis, Cells] | None:
    """Return an axis of an attribute that orders the slices of each cell, and the new cells."""
    for spec in specs:
        for tag in spec.by_order:
            values = columns.get((tag,))
            if values is None or not _orders(cells, values):
                continue
            result: Cells = {}
            first: tuple[Hashable, ...] = ()
            for key, own in cells.items():
                ranked = sorted(own, key=lambda index: sort_key(values[index]))
                first = first or tuple(values[index] for index in ranked)
                result.update({(*key, step): [index] for step, index in enumerate(ranked)})
            return replace(_axis(spec, (tag,), first), varies=True), result
    return None


def _orders(cells: Cells, values: Sequence[Hashable]) -> bool:
    for own in cells.values():
        found = {values[index] for index in own}
        if None in found or len(found) < len(own):
            return False
    return True


def _with_labels(columns: Columns, found: Found) -> tuple[Axis, ...]:
    """Return the axes with all other attributes that go along with one of them."""
    known = {keyword for axis in found.axes for keyword in axis.keyword.split(", ")}
    also: list[list[Labels]] = [[] for _ in found.axes]
    for tag in SHOWN_TAGS:
        mark = MARKS[tag]
        values = None if mark.keyword in known else columns.get((tag,))
        if values is None:
            continue
        for number, axis in enumerate(found.axes):
            steps = _along(found.cells, values, number + 1, len(axis))
            if steps is not None:
                also[number].append(Labels(mark.keyword, mark.unit, steps))
    return tuple(replace(axis, also=tuple(own)) for axis, own in zip(found.axes, also, strict=True))


def _along(
    cells: Cells, values: Sequence[Hashable], place: int, count: int
) -> tuple[Hashable, ...] | None:
    """Return the one value that each step of an axis has, None if it has several or lacks."""
    steps: list[Hashable] = [None] * count
    for key, (index,) in cells.items():
        value, step = values[index], key[place]
        if value is None or steps[step] not in (None, value):
            return None
        steps[step] = value
    return tuple(steps) if len(set(steps)) > 1 else None


def _partial(columns: Columns, start: Cells, specs: Sequence[AxisSpec]) -> Found | None:
    """Return axes that some slices lack, or that leave some slices together."""
    most = max(map(len, start.values()))
    cells, axes = start, list[Axis]()
    for spec in specs:
        if _is_done(cells):
            break
        if any(axis.name == spec.name for axis in axes):
            continue
        for tags in spec.by_value:
            values = columns.get(tags)
            if values is None or not _tells_most(cells, values, most):
                continue
            steps = tuple(sorted({values[i] for own in cells.values() for i in own}, key=sort_key))
            axes.append(_axis(spec, tags, steps))
            cells = _split(cells, values, steps)
            break
    return Found(tuple(axes), cells, len(start), complete=False) if axes else None


def _tells_most(cells: Cells, values: Sequence[Hashable], most: int) -> bool:
    """Return whether a value tells slices apart in half of the cells, with few values in all."""
    several = 0
    all_values: set[Hashable] = set()
    for own in cells.values():
        found = {values[index] for index in own}
        several += len(found) > 1
        all_values |= found
    return None not in all_values and len(all_values) <= most and 2 * several >= len(cells)
