"""A series, its .dcbs file, and the multi-frame image made of it, to hold against each other."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pydicom
from support.compare import flatten, read, stored
from support.whole import write_files

import dicube_core
from dicube_plugins.multiframe import MultiFrameFile, original_datasets

if TYPE_CHECKING:
    from pathlib import Path

    from pydicom.dataset import Dataset

    from dicube_core.reader import Reader

EXPLICIT_LE = "1.2.840.10008.1.2.1"
HTJ2K = "1.2.840.10008.1.2.4.201"


@dataclass(frozen=True)
class Given:
    """An open .dcbs file, and the source files in the order of its frames."""

    reader: Reader
    sources: list[bytes]

    def image(self, syntax: str | None = None) -> Dataset:
        """Return the multi-frame image, read by pydicom from the virtual file."""
        return pydicom.dcmread(io.BytesIO(MultiFrameFile(self.reader, syntax).open().read()))


def given(folder: Path, files: dict[str, bytes]) -> Given:
    """Convert a series."""
    write_files(folder / "source", files)
    dicube_core.convert(folder / "source", folder / "series.dcbs")
    reader = dicube_core.open(folder / "series.dcbs")
    return Given(reader, [files[header.name] for header in reader.headers or []])


def saved(dataset: Dataset) -> Dataset:
    """Write a data set to memory and read it again."""
    file = io.BytesIO()
    dataset.save_as(file)
    return pydicom.dcmread(io.BytesIO(file.getvalue()))


def assert_originals(dataset: Dataset, sources: list[bytes], *, by_value: bool = False) -> int:
    """Fail unless the slices come out of the image as pydicom reads their files.

    Tags, VRs and values of all levels, and the very bytes wherever pydicom has not parsed an
    element yet, whose number is returned. `by_value` leaves the bytes out.
    """
    originals = list(original_datasets(dataset))
    assert len(originals) == len(sources)
    n_bytes = 0
    for data, original in zip(sources, originals, strict=True):
        source = read(data)
        if not by_value:
            assert _group_lengths(original) == _group_lengths(source)
        expected, found = flatten(source), flatten(original)
        assert found.keys() == expected.keys()
        for path, (vr, *shown, value) in expected.items():
            assert (found[path][0], found[path][-1]) == (vr, value), path
            if not by_value and isinstance(found[path][1], bytes) and isinstance(shown[0], bytes):
                assert found[path][1] == shown[0], path
                n_bytes += 1
    return n_bytes


def _group_lengths(dataset: Dataset) -> dict[int, Any]:
    return {int(t): dataset[t].value for t in dataset.keys() if not int(t) & 0xFFFF}  # noqa: SIM118


def assert_frames(image: Dataset, case: Given) -> None:
    """Fail unless pydicom reads the frames of the image as those of the source files."""
    frames = image.pixel_array.reshape(case.reader.shape)
    np.testing.assert_array_equal(frames, [stored(data) for data in case.sources])
