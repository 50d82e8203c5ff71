"""Series made of a real one: mirrored and shifted, so that noise and edges stay what they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pydicom
from pydicom.uid import generate_uid

if TYPE_CHECKING:
    from pathlib import Path

    from core_bench.series import SourceFolder

__all__ = ["make_series", "make_tall"]


def make_series(source: SourceFolder, folder: Path, number: int) -> Path:
    """Write a series of as many slices, with the headers of the source and identifiers anew.

    Every voxel is one of the source; whole frames are mirrored, turned and shifted in a circle.
    Series of the same number are the same.
    """
    random = np.random.default_rng((2026, number))
    flips = [axis for axis in (0, 1) if random.integers(2)]
    shift = random.integers(-60, 61, 2).tolist() if number else [0, 0]

    def change(frame: np.ndarray) -> np.ndarray:
        return np.roll(np.flip(frame, flips) if number else frame, shift, (0, 1))

    files = source.files()
    for index, path in enumerate(files):
        dataset = pydicom.dcmread(path)
        _write(dataset, change(dataset.pixel_array), folder / path.name, number, index)
    return folder


def make_tall(source: SourceFolder, folder: Path, n_slices: int) -> Path:
    """Write a series of more slices: the source up and down, again and again."""
    datasets = [pydicom.dcmread(path) for path in source.files()]
    datasets.sort(key=lambda one: float(one.ImagePositionPatient[2]))
    count = len(datasets)
    first, second = (float(one.ImagePositionPatient[2]) for one in datasets[:2])
    for index in range(n_slices):
        turn, place = divmod(index, count)
        dataset = datasets[place if turn % 2 == 0 else count - 1 - place]
        position = [*dataset.ImagePositionPatient[:2], first + index * (second - first)]
        _write(dataset, dataset.pixel_array, folder / f"{index:05d}.dcm", -1, index, position)
    return folder


def _write(
    dataset: pydicom.Dataset,
    frame: np.ndarray,
    path: Path,
    number: int,
    index: int,
    position: list[float] | None = None,
) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    kept = {key: dataset.get(key) for key in ("InstanceNumber", "SliceLocation")}
    dataset.PixelData = np.ascontiguousarray(frame).tobytes()
    dataset.SOPInstanceUID = generate_uid(entropy_srcs=[f"training {number} {index}"])
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    for keyword in ("SeriesInstanceUID", "StudyInstanceUID", "FrameOfReferenceUID"):
        setattr(dataset, keyword, generate_uid(entropy_srcs=[f"training {keyword} {number}"]))
    dataset.PatientID = f"BENCH{number:04d}"
    before = list(dataset.ImagePositionPatient)
    if position is not None:
        dataset.ImagePositionPatient = position
        dataset.InstanceNumber = index + 1
        if kept["SliceLocation"] is not None:
            dataset.SliceLocation = position[2]
    dataset.save_as(path)
    dataset.ImagePositionPatient = before
    for key, value in kept.items():
        if value is not None:
            setattr(dataset, key, value)
