"""A data set of boxes of voxels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch

from dicube_core.exceptions import DataConsistencyError
from dicube_plugins.torch._epoch import SharedEpoch
from dicube_plugins.torch._files import SamplesOfFiles, paths_of
from dicube_plugins.torch._types import TensorType
from dicube_plugins.volume import LazyVolume, OpenVolumes, grid_starts

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Sequence

    from dicube_plugins.volume.lazy_volume import Values

    #: (path, shape, random numbers) to the first voxel of a patch.
    Locate = Callable[[str, tuple[int, ...], np.random.Generator], Sequence[int]]
    #: Shape of a file, and the first voxel of each patch of it.
    _Grid = tuple[tuple[int, ...], list[tuple[int, ...]]]

__all__ = ["PatchDataset"]


class PatchDataset(SamplesOfFiles):
    """Patches of several files; decodes the frames that a patch touches, and no others.

    Where a patch lies depends on the seed, the epoch and the number of the sample alone: not on
    the number of workers, nor on how they are started, nor on what was read before. Workers open
    files themselves, a bounded number of them, and keep decoded frames within a bound.

    Parameters
    ----------
    files : sequence of paths or URLs
        Each a regular series; see `FrameDataset` for others.
    patch_size : sequence of int
        Voxels along (x, y, z), and along each further axis of a series of several volumes.
    positions : {"random", "grid"} or callable
        At random, uniformly; on a grid that covers each file (files are opened at once, to tell
        their shapes); or ``positions(path, shape, rng)``, which returns the first voxel, and is
        moved inside where the patch would reach out.
    patches_per_file : int
        Patches of each file in an epoch; not for a grid.
    overlap : sequence of int, optional
        Voxels that neighbours on a grid share, along each axis.
    seed : int
        Of random places.
    values : {"modality", "stored"}
        Modality values, each slice by its own slope and intercept or Modality LUT; or values as
        they are stored, less bits that are no part of them. Colour is RGB in both cases.
    dtype : torch.dtype or numpy dtype, optional
        Of the tensors; None for the type that holds every value of a file exactly, where 16 and
        32 bits without a sign become 32 and 64 bits with one.
    fill : float, optional
        What stands behind the end of files that are smaller than a patch (such as -1024 for CT).
        Without it, they are an error.
    transform : callable, optional
        Called with each sample.
    sheared : bool
        For a gantry tilt: take the true affine, whose third axis is not perpendicular.
    max_open : int
        Files that each process keeps open.
    cache_bytes : int
        Bytes of decoded frames that each process keeps, so that patches of one file share them;
        0 for none. Worth most with ``EpochSampler(dataset, together=True)``.

    Notes
    -----
    A sample is a dict: ``image`` (channel, x, y, z, ...), ``affine`` of the patch to RAS mm,
    ``start`` (first voxel), ``file`` (position in `files`), ``path`` and ``index``.
    """

    def __init__(
        self,
        files: Sequence[str | os.PathLike[str]],
        patch_size: Sequence[int],
        *,
        positions: Literal["random", "grid"] | Locate = "random",
        patches_per_file: int = 1,
        overlap: Sequence[int] | None = None,
        seed: int = 0,
        values: Values = "modality",
        dtype: Any = torch.float32,
        fill: float | None = None,
        transform: Callable[[dict[str, Any]], Any] | None = None,
        sheared: bool = False,
        max_open: int = 8,
        cache_bytes: int = 64 << 20,
    ) -> None:
        self.files = paths_of(files)
        self.patch_size = tuple(int(n) for n in patch_size)
        if min(self.patch_size, default=0) < 1 or patches_per_file < 1:
            raise ValueError(f"no patch of {self.patch_size}, {patches_per_file} of each file")
        if not callable(positions) and positions not in ("random", "grid"):
            raise ValueError(f"positions are 'random', 'grid' or a function, not {positions!r}")
        self.positions, self.seed, self.fill = positions, seed, fill
        self.transform = transform
        self._type, self._epoch = TensorType(dtype), SharedEpoch()
        self._volumes = OpenVolumes(max_open, cache_bytes, values=values, sheared=sheared)
        self._grids: list[_Grid] | None = None
        counts = [patches_per_file] * len(self.files)
        if positions == "grid":
            shared = [0] * len(self.patch_size) if overlap is None else [int(n) for n in overlap]
            if len(shared) != len(self.patch_size):
                raise ValueError(f"an overlap of {shared}, a patch of {self.patch_size}")
            self._grids = [self._grid(path, shared, sheared=sheared) for path in self.files]
            counts = [len(starts) for _, starts in self._grids]
        super().__init__(counts)

    def _grid(self, path: str, overlap: Sequence[int], *, sheared: bool) -> _Grid:
        with LazyVolume(path, sheared=sheared) as volume:
            self._require_fit(volume)
            return volume.shape, list(grid_starts(volume.shape, self.patch_size, overlap))

    def _require_fit(self, volume: LazyVolume) -> None:
        if len(self.patch_size) != volume.ndim:
            raise DataConsistencyError(
                f"{volume.name}: shape {volume.shape} has {volume.ndim} axes, a patch of "
                f"{self.patch_size} has {len(self.patch_size)}",
                suggestion="one number of voxels for each axis is needed",
            )
        smaller = any(n > m for n, m in zip(self.patch_size, volume.shape, strict=True))
        if smaller and self.fill is None:
            raise DataConsistencyError(
                f"{volume.name}: shape {volume.shape} is smaller than a patch of {self.patch_size}",
                suggestion="leave the file out, or say what stands behind its end: fill=-1024",
            )

    def set_epoch(self, epoch: int) -> None:
        """Tell which epoch begins, worker processes that live on as well.

        Call it before the loader is iterated over; `epochs` does so.
        """
        self._epoch.set(epoch)

    @property
    def epoch(self) -> int:
        """Number of the epoch."""
        return self._epoch.get()

    def __getitem__(self, index: int) -> Any:
        """Return a sample; negative numbers count from the end.

        Raises
        ------
        IndexError
            There is no such sample.
        GeometryError
            The slices of the file form no regular grid; the message says why.
        DataConsistencyError
            The patch does not fit the file, or another file took its place since the grid was laid.
        DecodeError, ChecksumError
            A frame is damaged; the message names it and its byte offset.
        """
        number, file, position = self._find(index)
        volume = self._volumes.get(self.files[file])
        self._require_fit(volume)
        start = self._start(number, file, position, volume)
        sample = {
            "image": self._type.tensor(self._array(volume, start)),
            "affine": torch.from_numpy(volume.affine_at(start)),
            "start": torch.tensor(start),
            "file": file,
            "path": self.files[file],
            "index": number,
        }
        return sample if self.transform is None else self.transform(sample)

    def _start(self, number: int, file: int, position: int, volume: LazyVolume) -> tuple[int, ...]:
        if self._grids is not None:
            shape, starts = self._grids[file]
            self._require_same(volume.name, f"shape {volume.shape}", f"shape {shape}")
            return starts[position]
        rng = np.random.default_rng((self.seed, self.epoch, number))
        room = [max(0, n - m) for n, m in zip(volume.shape, self.patch_size, strict=True)]
        if callable(self.positions):
            chosen = self.positions(self.files[file], volume.shape, rng)
            return tuple(min(max(0, int(n)), m) for n, m in zip(chosen, room, strict=True))
        return tuple(int(rng.integers(0, n, endpoint=True)) for n in room)

    def _array(self, volume: LazyVolume, start: Sequence[int]) -> Any:
        size = [min(n, m) for n, m in zip(self.patch_size, volume.shape, strict=True)]
        kind = self._type.of(volume.dtype)
        padded = tuple(size) != self.patch_size
        if padded and not _holds(kind, self.fill):
            raise DataConsistencyError(
                f"{volume.name}: {kind} does not hold fill={self.fill}",
                suggestion="a floating type (dtype=torch.float32), or another fill, is needed",
            )
        array = volume.read(start, size, dtype=kind, order="C")
        array = array[None] if volume.samples == 1 else np.moveaxis(array, -1, 0)
        if not padded:
            return array
        whole = np.full((volume.samples, *self.patch_size), self.fill, kind)
        whole[:, *(slice(n) for n in size)] = array
        return whole


def _holds(kind: np.dtype[Any], fill: float | None) -> bool:
    """Tell whether a type has a number as it is; floating types round it."""
    if kind.kind == "f" or fill is None:
        return True
    limits = np.iinfo(kind)
    return float(fill).is_integer() and limits.min <= fill <= limits.max
