"""All contestants deliver the same volumes, or nothing is timed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pydicom
from core_bench.equality import UnequalError

import dicube_core

if TYPE_CHECKING:
    from pathlib import Path

    from tree_bench.contestants import Contestants

__all__ = ["check_results"]


def check_results(contestants: Contestants) -> list[str]:
    """Compare the results that are there with the source; return what was found equal.

    Raises
    ------
    UnequalError
        Says what differs.
    """
    truth = dict(_source(folder) for folder in contestants.tree.folders)
    found = []
    for name in contestants.all():
        if name == "again":
            continue
        folder = contestants.out(name)
        volumes = _nifti(folder) if name == "dcm2niix" else _ours(folder)
        if set(volumes) != set(truth):
            raise UnequalError(f"{name}: {len(volumes)} series of {len(truth)}")
        for uid, volume in volumes.items():
            if not any(np.array_equal(flipped, truth[uid]) for flipped in _flips(volume)):
                raise UnequalError(f"{name}: other values in series {uid}")
        found.append(f"{name}: {len(volumes)} series, every value")
    return found


def _source(folder: Path) -> tuple[str, np.ndarray]:
    """Return Series Instance UID and modality values of a folder, as pydicom reads it."""
    datasets = [pydicom.dcmread(path) for path in folder.iterdir()]
    datasets.sort(key=lambda one: float(one.ImagePositionPatient[2]))
    first = datasets[0]
    stored = np.stack([dataset.pixel_array for dataset in datasets]).astype(np.int32)
    return str(first.SeriesInstanceUID), stored * int(first.RescaleSlope) + int(
        first.RescaleIntercept
    )


def _ours(folder: Path) -> dict[str, np.ndarray]:
    images = [dicube_core.load(path) for path in folder.glob("*.dcbs")]
    return {
        str(image.dicom_meta.get_shared_value("SeriesInstanceUID")): image.get_fdata("float32")
        for image in images
    }


def _nifti(folder: Path) -> dict[str, np.ndarray]:
    import nibabel

    return {
        path.name.removesuffix(".nii.gz").rpartition("_")[2]: np.asarray(
            nibabel.load(path).dataobj
        ).T
        for path in folder.glob("*.nii.gz")
    }


def _flips(volume: np.ndarray) -> list[np.ndarray]:
    """Return the volume in every direction of slices and rows that a format may store."""
    return [volume[::a, ::b, ::c] for a in (1, -1) for b in (1, -1) for c in (1, -1)]
