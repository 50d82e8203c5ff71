"""The files that workers of ray, Spark and process pools read in tests, and what is in them."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "arrays"))

import array_files
from engine_tasks import COUNT, damage
from support.series import Kind

import dicube_core

if TYPE_CHECKING:
    import numpy as np

__all__ = ["EngineFiles", "replace_by"]


@dataclass(frozen=True)
class EngineFiles:
    """A CT of one slope, a PET of a slope for each slice, and the CT with a damaged frame."""

    ct: Path
    pet: Path
    damaged: Path

    @classmethod
    def make(cls, folder: Path) -> EngineFiles:
        for name in ("ct", "pet"):
            (folder / name).mkdir()
        kind = Kind("large", stored=16, rows=200, columns=150)
        ct = array_files.ct_file(folder / "ct", kind, COUNT)
        pet, _ = array_files.pet_file(folder / "pet", COUNT)
        return cls(ct, pet, damage(ct, folder / "damaged.dcbs"))

    @property
    def stored(self) -> np.ndarray:
        """Stored values of the CT, by the core."""
        with dicube_core.open(self.ct) as reader:
            return reader.frames()

    @property
    def modality(self) -> np.ndarray:
        """Modality values of the CT."""
        return array_files.modality_of(self.ct)

    @property
    def activity(self) -> np.ndarray:
        """Modality values of the PET."""
        return array_files.modality_of(self.pet)


def replace_by(path: Path, other: Path) -> None:
    """Put a copy of another file in the place of a file, in one go."""
    part = path.with_suffix(".part")
    part.write_bytes(other.read_bytes())
    part.replace(path)
