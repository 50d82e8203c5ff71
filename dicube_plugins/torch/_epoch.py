"""The number of the epoch, as worker processes that live on know it, too."""

from __future__ import annotations

import torch

__all__ = ["SharedEpoch"]


class SharedEpoch:
    """A number in memory that worker processes share with the one that started them."""

    def __init__(self) -> None:
        self._value = torch.zeros(1, dtype=torch.int64).share_memory_()

    def set(self, epoch: int) -> None:
        """Set the number, for workers as well."""
        if epoch < 0:
            raise ValueError(f"an epoch is counted from 0, not {epoch}")
        self._value[0] = epoch

    def get(self) -> int:
        """Return the number."""
        return int(self._value[0])
