"""TorchIO 2's interface of lazy images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from dicube_core.exceptions import DataConsistencyError

if TYPE_CHECKING:
    import os

    import numpy as np

    from dicube_plugins.torchio._reader import DcbsReader

__all__ = ["DcbsBackend"]


class DcbsBackend:
    """The voxels of a file as an array (channel, x, y, z) that is read box by box.

    Parameters
    ----------
    reader : DcbsReader
        Says which values in which type.
    path : path-like
        The file.
    affine : tensor, optional
        In place of that of the file.
    """

    def __init__(
        self, reader: DcbsReader, path: str | os.PathLike[str], affine: Any = None
    ) -> None:
        self._reader, self._path, self._affine = reader, path, affine

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(channel, x, y, z)."""
        return self._reader.shape(self._reader.volume(self._path))

    @property
    def affine(self) -> torch.Tensor:
        """(x, y, z, 1) to RAS mm."""
        if self._affine is not None:
            found: torch.Tensor = torch.as_tensor(self._affine, dtype=torch.float64)
            return found
        return torch.from_numpy(self._reader.volume(self._path).affine.copy())

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the voxels."""
        return self._reader.voxel_dtype(self._reader.volume(self._path))

    def __getitem__(self, slices: Any) -> torch.Tensor:
        """Return a part; an index keeps its axis. Frames that it does not touch stay encoded."""
        volume = self._reader.volume(self._path)
        shape = self.shape
        ranges = [range(*one.indices(n)) for one, n in zip(_slices(slices), shape, strict=True)]
        start = [min(r[0], r[-1]) if r else 0 for r in ranges]
        size = [abs(r[-1] - r[0]) + 1 if r else 0 for r in ranges]
        box = self._reader.tensor(volume, start[1:], size[1:])
        for axis, (chosen, first) in enumerate(zip(ranges, [0, *start[1:]], strict=True)):
            if len(chosen) != box.shape[axis] or chosen.step != 1 or chosen.start != first:
                places = torch.tensor([n - first for n in chosen], dtype=torch.int64)
                box = box.index_select(axis, places)
        return box

    def to_tensor(self) -> torch.Tensor:
        """Return everything."""
        return self._reader.tensor(self._reader.volume(self._path))


def _slices(given: Any) -> list[slice]:
    items = list(given) if isinstance(given, tuple) else [given]
    if Ellipsis in items:
        at = items.index(Ellipsis)
        items[at : at + 1] = [slice(None)] * (5 - len(items))
    items += [slice(None)] * (4 - len(items))
    if len(items) != 4 or not all(isinstance(one, slice | int) for one in items):
        raise DataConsistencyError(f"an image of four axes is not indexed by {given}")
    return [one if isinstance(one, slice) else slice(one, one + 1 or None) for one in items]
