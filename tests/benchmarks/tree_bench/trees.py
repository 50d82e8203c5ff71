"""The tree that is converted: several series of one size, in folders of their own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dicube_core.phantom import write_phantom_series

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Tree", "make_tree"]


@dataclass(frozen=True, slots=True)
class Tree:
    """Folders with one series each, below one root."""

    name: str
    root: Path
    folders: tuple[Path, ...]
    slices: int
    volume_bytes: int


def make_tree(root: Path, n_series: int, n_slices: int, size: int) -> Tree:
    """Write a tree of noisy 12-bit CT series; the same bytes on every call."""
    folders = []
    for number in range(n_series):
        folder = root / f"series_{number:02d}"
        write_phantom_series(folder, n_slices, size=size, seed=number)
        folders.append(folder)
    name = f"{n_series}x{n_slices}x{size}"
    total = n_series * n_slices
    return Tree(name, root, tuple(folders), total, total * size * size * 2)
