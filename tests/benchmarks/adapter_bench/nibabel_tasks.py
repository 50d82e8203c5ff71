"""nibabel: one slice and the whole volume, against the same volume as ``.nii.gz``."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import imagecodecs
import nibabel
import numpy as np
from core_bench.equality import UnequalError
from core_bench.timing import Comparison, Race

import dicube_core

if TYPE_CHECKING:
    from pathlib import Path

    from core_bench.fixtures import Fixture
    from core_bench.outcome import Row

__all__ = ["time_nibabel"]

_PEER = "nibabel .nii.gz"


def time_nibabel(fixture: Fixture, rounds: int) -> list[Row]:
    """Time nibabel's own functions on both files, once their results were found equal."""
    # Alone in its folder: some readers prefer an uncompressed file of the same name beside it.
    folder = fixture.work / f"{fixture.source.name}.nifti"
    folder.mkdir(exist_ok=True)
    nifti = folder / "volume.nii.gz"
    dicube_core.save_to_nifti(dicube_core.load(fixture.ours), nifti)
    codestreams = fixture.codestreams
    middle = len(codestreams) // 2
    _check(fixture.ours, nifti)
    race = Race(fixture.source.name)
    for name, path in (("ours", fixture.ours), ("nifti", nifti)):
        race.add(f"slice {name}", partial(_slice, path, middle))
        race.add(f"volume {name}", partial(_volume, path))
        race.add(f"fdata {name}", partial(_fdata, path))
    race.add("bare", lambda: imagecodecs.htj2k_decode(codestreams[middle]))
    race.run(rounds)
    comparisons = (
        Comparison("nibabel: middle slice, new image", "slice ours", "slice nifti", _PEER, 1 / 20),
        Comparison("nibabel: middle slice, new image", "slice ours", "bare", "bare decoder", 2),
        Comparison("nibabel: whole volume", "volume ours", "volume nifti", _PEER, 0.5),
        Comparison("nibabel: get_fdata", "fdata ours", "fdata nifti", _PEER),
    )
    return [race.row(comparison) for comparison in comparisons]


def _slice(path: Path, number: int) -> np.ndarray:
    return np.asarray(nibabel.load(path).dataobj[:, :, number])


def _volume(path: Path) -> np.ndarray:
    return np.asarray(nibabel.load(path).dataobj)


def _fdata(path: Path) -> np.ndarray:
    return nibabel.load(path).get_fdata(dtype=np.float32)


def _check(ours: Path, nifti: Path) -> None:
    one, other = nibabel.load(ours), nibabel.load(nifti)
    if not np.array_equal(_volume(ours), _volume(nifti)):
        raise UnequalError("nibabel: volumes differ")
    if not np.array_equal(_slice(ours, 1), _slice(nifti, 1)):
        raise UnequalError("nibabel: slices differ")
    if not np.allclose(one.affine, other.affine, rtol=0, atol=1e-4):
        raise UnequalError("nibabel: affines differ")
