"""A tiny framework, which knows nothing of ``.dcbs`` files: it loads what its readers can read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Picture", "load", "readers", "title"]


@dataclass(frozen=True)
class Picture:
    """An array to look at, and the size of its pixels."""

    values: np.ndarray
    spacing: tuple[float, ...] | None = None


def read_npy(path: str) -> Picture | None:
    """Read an array that numpy saved, None for other files."""
    return Picture(np.load(path)) if path.endswith(".npy") else None


#: Asked one after another; the first that does not return None has read the file.
readers: list[Callable[[str], Picture | None]] = [read_npy]


def load(path: str) -> Picture:
    """Load a file with the first reader that can."""
    for reader in readers:
        picture = reader(path)
        if picture is not None:
            return picture
    raise ValueError(f"no reader for {path}")


def title(path: str) -> str:
    """Return what is written above a picture."""
    return path.rpartition("/")[2]
