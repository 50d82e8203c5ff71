"""The part of a file that a reader was asked to extract."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dicube_core.exceptions import DataConsistencyError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dicube_plugins.insight import Grid

__all__ = ["Region", "region_of"]


@dataclass(frozen=True, slots=True)
class Region:
    """A box of voxels.

    Parameters
    ----------
    index : tuple of int
        Its first voxel, (x, y, z).
    size : tuple of int
        Voxels along each axis; 0 leaves the dimension out, at `index`.
    """

    index: tuple[int, ...]
    size: tuple[int, ...]


def region_of(size: Sequence[int], index: Sequence[int], grid: Grid, name: str) -> Region:
    """Return the region that an extract size and index say.

    Parameters
    ----------
    size : sequence of int
        As given to ``SetExtractSize``; missing numbers are 0, as in SimpleITK.
    index : sequence of int
        As given to ``SetExtractIndex``; missing numbers are 0, and those in excess are ignored.
    grid : Grid
        Of the whole file.
    name : str
        The file, for messages.

    Raises
    ------
    DataConsistencyError
        It is not within the file, or has fewer than two dimensions or more than the file.
    """
    n = grid.dimension
    extent = tuple((*size, *(0,) * n)[:n])
    start = tuple((*index, *(0,) * n)[:n])
    what = f"{name}: the region to extract, index {tuple(index)} and size {tuple(size)},"
    if any(size[n:]):
        raise DataConsistencyError(f"{what} has more dimensions than the file, which has {n}")
    if n - extent.count(0) < 2:
        raise DataConsistencyError(
            f"{what} has fewer than two dimensions", suggestion="use a size of 1 instead of 0"
        )
    if any(
        first < 0 or first + max(length, 1) > whole
        for first, length, whole in zip(start, extent, grid.size, strict=True)
    ):
        raise DataConsistencyError(f"{what} is not within the file's size {grid.size}")
    return Region(start, extent)
