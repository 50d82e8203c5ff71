"""In which order samples come: known beforehand, the same everywhere, and resumable."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch.distributed
from torch.utils.data import Dataset, Sampler

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["EpochSampler", "epochs"]


class EpochSampler(Sampler[int]):  # type: ignore[misc] # torch is not looked at for types
    """The order of an epoch, by seed and number of the epoch alone.

    Neither the number of workers nor the way they are started makes a difference. Of several
    processes that train together, each gets its share; all shares are of one length.

    Parameters
    ----------
    dataset : sized
        Whose samples are to be put in order; its `set_epoch` is called with that of this object,
        or that of the data sets that it is made of (``Subset``, ``ConcatDataset``).
    shuffle : bool
        False for the order of the data set.
    together : bool
        Shuffle files, and leave patches of one file together, so that frames that they share are
        decoded once. For a `PatchDataset` or `FrameDataset`.
    seed : int
        Another seed, another order.
    rank, world_size : int, optional
        Number of this process and of all; those of `torch.distributed` where it is initialised.
    drop_last : bool
        Leave the last few samples out that do not go into the number of processes. Else some of
        the first come a second time.
    """

    def __init__(
        self,
        dataset: Any,
        *,
        shuffle: bool = True,
        together: bool = False,
        seed: int = 0,
        rank: int | None = None,
        world_size: int | None = None,
        drop_last: bool = False,
    ) -> None:
        running = torch.distributed.is_available() and torch.distributed.is_initialized()
        if world_size is None:
            world_size = torch.distributed.get_world_size() if running else 1
        if rank is None:
            rank = torch.distributed.get_rank() if running else 0
        if not 0 <= rank < world_size:
            raise ValueError(f"there is no process {rank} among {world_size}")
        if together and not hasattr(dataset, "samples_of_files"):
            raise ValueError(
                f"a {type(dataset).__name__} does not tell which samples are of a file"
            )
        self.dataset, self.shuffle, self.together, self.seed = dataset, shuffle, together, seed
        self.rank, self.world_size, self.drop_last = rank, world_size, drop_last
        self.epoch, self.done = 0, 0

    def set_epoch(self, epoch: int, done: int = 0) -> None:
        """Begin an epoch.

        Parameters
        ----------
        epoch : int
            Its number, counted from 0.
        done : int
            Samples of this process that are left out at the start: those that were seen before
            training was interrupted.
        """
        if epoch < 0 or done < 0:
            raise ValueError(f"epoch and done are counted from 0, not {epoch} and {done}")
        self.epoch, self.done = int(epoch), int(done)
        for part in _listeners(self.dataset):
            part.set_epoch(epoch)

    def order(self) -> np.ndarray[Any, np.dtype[np.int64]]:
        """Return the samples of this process in this epoch, those that are done among them."""
        count = len(self.dataset)
        numbers = np.arange(count)
        if self.shuffle:
            rng = np.random.default_rng((self.seed, self.epoch))
            numbers = self._by_file(rng) if self.together else rng.permutation(count)
        share = count // self.world_size
        if count % self.world_size and not self.drop_last:
            share += 1
        return np.resize(numbers, share * self.world_size)[self.rank :: self.world_size]

    def _by_file(self, rng: np.random.Generator) -> np.ndarray[Any, np.dtype[np.int64]]:
        groups = self.dataset.samples_of_files()
        if not groups:
            return np.arange(0)
        return np.concatenate([rng.permutation(groups[n]) for n in rng.permutation(len(groups))])

    def __iter__(self) -> Iterator[int]:
        return iter(self.order()[self.done :].tolist())

    def __len__(self) -> int:
        whole, rest = divmod(len(self.dataset), self.world_size)
        return max(0, whole + bool(rest and not self.drop_last) - self.done)


def epochs(loader: Any, count: int, first: int = 0) -> Iterator[tuple[int, Any]]:
    """Yield (number, loader) for each epoch, after telling its number to all who want it.

    These are the data set, or those that it is made of (``Subset``, ``random_split``,
    ``ConcatDataset``), the sampler and the batch sampler of the loader, as far as they have
    `set_epoch`: also torch's `DistributedSampler`. Right with persistent workers.

    Parameters
    ----------
    loader : DataLoader
        Iterate over it once in each turn.
    count : int
        Number of epochs in all.
    first : int
        Where to begin.
    """
    batches = getattr(loader, "batch_sampler", None)
    samplers = (loader.sampler, batches, getattr(batches, "sampler", None))
    parts = (*_listeners(loader.dataset), *samplers)
    known: dict[int, Any] = {id(part): part for part in parts if hasattr(part, "set_epoch")}
    for epoch in range(first, count):
        for part in known.values():
            # Who resumes has told the sampler what is done of the first epoch.
            if not (isinstance(part, EpochSampler) and epoch == first == part.epoch):
                part.set_epoch(epoch)
        yield epoch, loader


def _listeners(dataset: Any) -> list[Any]:
    """Return the data sets that want to know the epoch: this one, or those it is made of."""
    if hasattr(dataset, "set_epoch"):
        return [dataset]
    own = vars(dataset) if isinstance(dataset, Dataset) else {}
    parts = own.get("datasets")  # anything, in classes of others
    if isinstance(parts, dict):  # `StackDataset`
        parts = list(parts.values())
    inner = list(parts) if isinstance(parts, list | tuple) else []
    inner += [own[name] for name in ("dataset", "data") if isinstance(own.get(name), Dataset)]
    return [found for part in inner for found in _listeners(part)]
