"""pydicom: the whole series at once, and decoding HTJ2K with either decoder."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pydicom
from core_bench.equality import UnequalError
from core_bench.timing import Comparison, Race
from pydicom.pixels import pixel_array

if TYPE_CHECKING:
    from pathlib import Path

    from core_bench.fixtures import Fixture
    from core_bench.outcome import Row

__all__ = ["time_pydicom"]

_OUR_PLUGIN = "dicube"
_PEER_PLUGIN = "pylibjpeg"


def time_pydicom(fixture: Fixture, rounds: int) -> list[Row]:
    """Time pydicom's own functions on file and folder, once values were found equal."""
    files = fixture.source.files()
    series = pydicom.dcmread(fixture.ours)
    _check(fixture, series)
    race = Race(fixture.source.name)
    race.add("series", partial(pydicom.dcmread, fixture.ours))
    race.add("loop", partial(_headers, files))
    for plugin in (_OUR_PLUGIN, _PEER_PLUGIN):
        race.add(plugin, partial(pixel_array, series, decoding_plugin=plugin))
    race.run(rounds)
    return [
        race.row(comparison)
        for comparison in (
            Comparison("pydicom: dcmread of the series, lazy", "series", "loop", "files", 0.3),
            Comparison("pydicom: decode HTJ2K", _OUR_PLUGIN, _PEER_PLUGIN, _PEER_PLUGIN, 0.7),
        )
    ]


def _headers(files: list[Path]) -> list[pydicom.Dataset]:
    return [pydicom.dcmread(path, stop_before_pixels=True) for path in files]


def _check(fixture: Fixture, series: pydicom.Dataset) -> None:
    volume = fixture.volume
    for plugin in (_OUR_PLUGIN, _PEER_PLUGIN):
        if not np.array_equal(pixel_array(series, decoding_plugin=plugin), volume):
            raise UnequalError(f"pydicom with {plugin}: values differ")
    count = int(series.NumberOfFrames)
    if count != len(fixture.source.files()) or series.PatientID != _patient(fixture):
        raise UnequalError("pydicom: another series")


def _patient(fixture: Fixture) -> str:
    return str(pydicom.dcmread(fixture.source.files()[0], stop_before_pixels=True).PatientID)
