"""SimpleITK: whole volume and a region, against ``ImageSeriesReader`` on the source folder."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import SimpleITK as sitk
from core_bench.equality import UnequalError
from core_bench.timing import Comparison, Race

import dicube_core

if TYPE_CHECKING:
    from pathlib import Path

    from core_bench.fixtures import Fixture
    from core_bench.outcome import Row

__all__ = ["time_simpleitk"]

_MOST_SLICES = 10
#: How much a slice of a region may cost more than a slice of the whole.
_PROPORTION = 1.25


def time_simpleitk(fixture: Fixture, rounds: int) -> list[Row]:
    """Time SimpleITK's own functions on file and folder, once they were found to agree."""
    n_slices = len(fixture.source.files())
    wanted = min(_MOST_SLICES, n_slices // 2)
    first = (n_slices - wanted) // 2
    _check(fixture, first, wanted)
    race = Race(fixture.source.name)
    race.add("file", partial(sitk.ReadImage, str(fixture.ours)))
    race.add("folder", partial(_read_folder, fixture.source.folder))
    race.add("load", partial(dicube_core.load, fixture.ours))
    race.add("region", partial(_read_region, fixture.ours, first, wanted))
    race.run(rounds)
    task = "SimpleITK: whole volume"
    return [
        race.row(comparison)
        for comparison in (
            Comparison(task, "file", "folder", "series reader", 0.8),
            Comparison(task, "file", "load", "our own load", 1.3),
            Comparison(
                f"SimpleITK: {wanted} of {n_slices} slices",
                "region",
                "file",
                "whole volume",
                _PROPORTION * wanted / n_slices,
            ),
        )
    ]


def _read_folder(folder: Path) -> sitk.Image:
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder)))
    return reader.Execute()


def _read_region(path: Path, first: int, count: int) -> sitk.Image:
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    reader.ReadImageInformation()
    columns, rows, _ = reader.GetSize()
    reader.SetExtractIndex((0, 0, first))
    reader.SetExtractSize((columns, rows, count))
    return reader.Execute()


def _check(fixture: Fixture, first: int, count: int) -> None:
    file, folder = sitk.ReadImage(str(fixture.ours)), _read_folder(fixture.source.folder)
    facts = [
        (image.GetSize(), image.GetPixelIDValue(), np.round(image.GetDirection(), 6).tolist())
        for image in (file, folder)
    ]
    places = [np.array((*image.GetOrigin(), *image.GetSpacing())) for image in (file, folder)]
    if facts[0] != facts[1] or np.abs(places[0] - places[1]).max() > 1e-4:
        raise UnequalError(f"SimpleITK: {facts} at {places}")
    whole = sitk.GetArrayFromImage(file)
    if not np.array_equal(whole, sitk.GetArrayFromImage(folder)):
        raise UnequalError("SimpleITK: values differ")
    region = sitk.GetArrayFromImage(_read_region(fixture.ours, first, count))
    if not np.array_equal(region, whole[first : first + count]):
        raise UnequalError("SimpleITK: the region differs")
