"""What workers of ray, Spark and process pools do in tests; of no test framework."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING, Any

import dicube_core
from dicube_core.exceptions import DicomCubeError

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    import xarray as xr

COUNT = 8
#: Number of the frame that `damage` damages.
DAMAGED = 2


def frame_of(reader: dicube_core.Reader, number: int) -> np.ndarray:
    return reader.frame(number)


def opened(path: str) -> dicube_core.Reader:
    return dicube_core.open(path)


def loaded(path: str) -> dicube_core.DicomCubeImage:
    return dicube_core.load(path)


def slice_of(dataset: xr.Dataset, number: int) -> np.ndarray:
    return dataset.image[number].values


def mean_of(dataset: xr.Dataset) -> float:
    return float(dataset.image.mean())


def by_references(refs: dict[str, Any], number: int) -> np.ndarray:
    """Read by kerchunk's engine, for which the codec is found by its entry point."""
    import xarray as xr

    return xr.open_dataset(refs, engine="kerchunk", chunks=None).image[number].values


def by_zarr(refs: dict[str, Any], protocol: str, number: int) -> np.ndarray:
    import zarr

    options = {"fo": refs, "remote_protocol": protocol}
    if protocol == "http":
        options["remote_options"] = {"asynchronous": True}
    group = zarr.open_group("reference://", mode="r", zarr_format=2, storage_options=options)
    return group["image"][number]


def dying_once(mark: str, reader: dicube_core.Reader, number: int) -> np.ndarray:
    """Return a frame; the first process that has one is killed with it."""
    frame = reader.frame(number)
    try:
        os.close(os.open(mark, os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return frame
    os.kill(os.getpid(), signal.SIGKILL)
    return frame


class Keeper:
    """An actor that keeps a reader."""

    def __init__(self, reader: dicube_core.Reader) -> None:
        self.reader = reader

    def frame(self, number: int) -> np.ndarray:
        return self.reader.frame(number)

    def process(self) -> int:
        return os.getpid()


def value_or_error(path: str) -> int | DicomCubeError:
    try:
        with dicube_core.open(path) as reader:
            return int(reader.frame(DAMAGED).sum())
    except DicomCubeError as exc:
        return exc


def damage(path: Path, target: Path) -> Path:
    """Write a copy of a file in which one byte of one frame is another."""
    data = bytearray(path.read_bytes())
    with dicube_core.open(path) as reader:
        data[reader.container.index.offsets[DAMAGED] + 60] ^= 0xFF
    target.write_bytes(data)
    return target
