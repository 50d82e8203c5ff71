"""An epoch over a set of series through MONAI's loader, nothing cached."""

from __future__ import annotations

from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np
from core_bench.equality import UnequalError
from core_bench.timing import Comparison, Race

if TYPE_CHECKING:
    from pathlib import Path

    from core_bench.outcome import Row

    from training_bench.forms import Forms

__all__ = ["time_epochs"]

_WORKERS = 2


def time_epochs(series: list[Forms], rounds: int, name: str) -> list[Row]:
    """Time `LoadImaged` and `EnsureChannelFirstd` in two workers, started anew each epoch."""
    from dicube_plugins.monai import DcbsReader

    ways: dict[str, tuple[Any, list[Path]]] = {
        ".dcbs": (DcbsReader, [forms.dcbs for forms in series]),
        ".nii.gz": ("NibabelReader", [forms.nifti for forms in series]),
    }
    if find_spec("itk"):
        ways["DICOM folder"] = ("ITKReader", [forms.folder for forms in series])
    _check(ways)
    race = Race(name)
    for form, (reader, paths) in ways.items():
        race.add_timed(form, partial(_seconds, reader, paths))
    race.run(rounds)
    task = f"MONAI: epoch over {len(series)} series, {_WORKERS} workers"
    rows = [Comparison(task, ".dcbs", ".nii.gz", "MONAI .nii.gz", 0.5)]
    rows += [Comparison(task, ".dcbs", "DICOM folder", "MONAI ITKReader, DICOM", 0.6)]
    return [race.row(row) for row in rows]


def _transform(reader: Any) -> Any:
    from monai.transforms import Compose, EnsureChannelFirstd, LoadImaged

    return Compose([LoadImaged("image", reader=reader), EnsureChannelFirstd("image")])


def _seconds(reader: Any, paths: list[Path]) -> float:
    import time

    from monai.data import DataLoader, Dataset

    items = [{"image": str(path)} for path in paths]
    loader = DataLoader(
        Dataset(items, _transform(reader)),
        batch_size=1,
        num_workers=min(_WORKERS, len(items)),
        multiprocessing_context="fork",
    )
    start = time.perf_counter()
    seen = sum(int(batch["image"].shape[0]) for batch in loader)
    stop = time.perf_counter()
    if seen != len(items):
        raise UnequalError(f"{seen} images of {len(items)}")
    return stop - start


def _check(ways: dict[str, tuple[Any, list[Path]]]) -> None:
    """Compare the first series in canonical orientation."""
    from monai.transforms import Orientation

    found = {
        form: Orientation(axcodes="RAS", labels=None)(
            _transform(reader)({"image": str(paths[0])})["image"]
        )
        for form, (reader, paths) in ways.items()
    }
    first = found[".dcbs"]
    for form, image in found.items():
        same = np.array_equal(image.numpy(), first.numpy())
        if not same or not np.allclose(image.affine, first.affine, rtol=0, atol=1e-3):
            raise UnequalError(f"{form}: another image")
