"""Which part of which frames an index of an array (x, y, z, ...) asks for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from nibabel.fileslice import canonical_slicers

from dicube_core.exceptions import DataConsistencyError, FrameIndexError
from dicube_plugins.volume import Box

__all__ = ["Selection", "select"]

_canonical_slicers: Any = canonical_slicers  # nibabel has no types for it


@dataclass(frozen=True, slots=True)
class Selection:
    """A box of voxels, and what is still to be done to the array that holds it.

    Parameters
    ----------
    box : Box
        Which part of which frames.
    index : tuple of None, int and slice
        To be applied to the box in (x, y, z, ...): new axes, and axes that are dropped.
    """

    box: Box
    index: tuple[Any, ...]


def select(slicer: object, shape: tuple[int, ...], name: str) -> Selection:
    """Work out an index as nibabel's proxies take it.

    Parameters
    ----------
    slicer : object
        Integers, slices, None and Ellipsis, as ``array[slicer]`` takes them.
    shape : tuple of int
        (x, y, z, ...).
    name : str
        Of the file, for messages.

    Raises
    ------
    FrameIndexError
        An index is out of range, or there are too many (an `IndexError`).
    DataConsistencyError
        Indexing by arrays or truth values (a `ValueError`, as from nibabel's own proxies).
    """
    box: list[slice] = []
    index: list[Any] = []
    for item in _canonical(slicer, shape, name):
        if item is None:
            index.append(None)
        elif isinstance(item, slice):
            box.append(item)
            index.append(slice(None))
        else:
            axis = len(box)
            if axis < len(shape) and not 0 <= item < shape[axis]:
                raise FrameIndexError(
                    f"{name}: index {item if item >= 0 else item - shape[axis]} is out of range "
                    f"for axis {axis} of length {shape[axis]}"
                )
            box.append(slice(item, item + 1))
            index.append(0)
    if len(box) != len(shape):
        raise _too_many(name, len(shape))
    columns, rows, *others = box
    planes = tuple(range(*one.indices(n)) for one, n in zip(others, shape[2:], strict=True))
    return Selection(Box(columns, rows, planes), tuple(index))


def _canonical(slicer: object, shape: tuple[int, ...], name: str) -> tuple[Any, ...]:
    items = slicer if isinstance(slicer, tuple) else (slicer,)
    if any(isinstance(item, bool | np.bool_ | np.ndarray | list | tuple) for item in items):
        raise DataConsistencyError(
            f"{name}: a proxy is indexed by integers and slices only",
            suggestion="index the array instead: numpy.asarray(image.dataobj)[...]",
        )
    try:
        canonical: tuple[Any, ...] = _canonical_slicers(items, shape, check_inds=False)
    except IndexError:
        raise _too_many(name, len(shape)) from None
    return canonical


def _too_many(name: str, axes: int) -> FrameIndexError:
    return FrameIndexError(f"{name}: too many indices for an array of {axes} axes")
