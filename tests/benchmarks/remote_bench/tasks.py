"""Requests, bytes and times of reading from a server 20 ms away, at 100 Mbit/s."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from core_bench.equality import UnequalError
from core_bench.outcome import not_installed, single_row
from core_bench.timing import Comparison, Race
from support.web_server import serving

import dicube_core
from dicube_plugins.remote import RemoteOptions
from remote_bench.contestants import Client, Forms

if TYPE_CHECKING:
    from collections.abc import Callable

    from core_bench.fixtures import Fixture
    from core_bench.outcome import Row
    from support.web_server import FileServer

__all__ = ["check", "time_remote"]

#: Seconds, and bytes per second: 100 Mbit/s.
LATENCY, BANDWIDTH = 0.02, 12.5e6
_MOST_REQUESTS, _SLICE, _EIGHTH, _HALF = 3, 1.1, 1 / 8, 0.5
_PREVIEWS = {"1/2": 1, "1/4": 2, "1/8": 3}


def time_remote(fixture: Fixture, rounds: int) -> list[Row]:
    """Count and time, once all ways were found to give the same."""
    forms = Forms.make(fixture)
    served = forms.served()
    with serving(b"", "", delay=LATENCY, bandwidth=BANDWIDTH, others=served) as server:
        client = Client(server.url, forms)
        check(client, with_nifti=bool(forms.nifti))
        rows = _counted(fixture, server, client, forms)
        race = Race(fixture.source.name)
        comparisons = _entered(race, client, with_nifti=bool(forms.nifti))
        race.run(rounds)
    return [*rows, *map(race.row, comparisons)]


def check(client: Client, *, with_nifti: bool) -> None:
    """Fail unless all ways give the same values."""
    wanted = client.our_series()
    ways = {"whole file": client.whole_file_series, "DICOM": client.dicom_series}
    if with_nifti:
        ways["NIfTI"] = client.nifti_series
    for name, way in ways.items():
        if not np.array_equal(way(), wanted):
            raise UnequalError(f"the series as {name} differs")
    for way in (client.our_slice, client.whole_file_slice, client.dicom_slice):
        if not np.array_equal(way(), wanted[client.middle]):
            raise UnequalError(f"{way.__name__} gives another slice")
    for level in _PREVIEWS.values():
        if not np.array_equal(client.our_preview(level), client.whole_preview(level)):
            raise UnequalError(f"resolution {level} differs between the files")


def _count(server: FileServer, way: Callable[[], object]) -> tuple[int, int]:
    """Return requests and bytes."""
    server.clear()
    way()
    return len(server.log), sum(server.answered)


def _counted(fixture: Fixture, server: FileServer, client: Client, forms: Forms) -> list[Row]:
    name = fixture.source.name
    index = dicube_core.open(forms.dcbs).container.index
    front = max(index.offsets[0], RemoteOptions().front_bytes)
    bound = front + _SLICE * index.lengths[client.middle]
    requests, n_bytes = _count(server, client.our_slice)
    task = "open and middle slice"
    row = partial(single_row, name)
    rows = [
        row(f"{task}: requests", "3", requests, _MOST_REQUESTS, goal=1, unit=""),
        row(f"{task}: bytes", "front + 1.1 slice", n_bytes / 1e3, bound / 1e3, goal=1, unit="kB"),
        row(
            f"{task}: bytes",
            "whole file",
            n_bytes / 1e3,
            len(forms.dcbs) / 1e3,
            goal=None,
            unit="kB",
        ),
    ]
    if forms.nifti:
        other = len(forms.nifti) / 1e3
        rows.append(row(f"{task}: bytes", ".nii.gz", n_bytes / 1e3, other, goal=None, unit="kB"))
    else:
        rows.append(not_installed(name, f"{task}: bytes", ".nii.gz", None))
    whole = _count(server, client.progressive_series)[1]
    for size, level in _PREVIEWS.items():
        part = _count(server, partial(client.our_preview, level))[1]
        task = f"all slices at {size} of the width: bytes"
        rows.append(row(task, "all bytes", part / 1e3, whole / 1e3, goal=_HALF, unit="kB"))
    return rows


def _entered(race: Race, client: Client, *, with_nifti: bool) -> list[Comparison]:
    ways = {
        "slice": client.our_slice,
        "slice of whole file": client.whole_file_slice,
        "slice of DICOM": client.dicom_slice,
        "series": client.our_series,
        "series of whole file": client.whole_file_series,
        "series of DICOM": client.dicom_series,
        "full": client.progressive_series,
    }
    if with_nifti:
        ways |= {"slice of NIfTI": client.nifti_slice, "series of NIfTI": client.nifti_series}
    for name, way in ways.items():
        race.add(name, way)
    comparisons = []
    for what, task in (("slice", "open and middle slice"), ("series", "load the series")):
        for other, against in (
            ("whole file", ".dcbs downloaded first"),
            ("NIfTI", ".nii.gz downloaded first"),
            ("DICOM", "DICOM files one by one" if what == "series" else "that one DICOM file"),
        ):
            comparisons.append(Comparison(task, what, f"{what} of {other}", against))
    for size, level in _PREVIEWS.items():
        task = f"all slices at {size} of the width"
        race.add(task, partial(client.our_preview, level))
        comparisons.append(Comparison(task, task, "full", "all slices, full size"))
    return comparisons
