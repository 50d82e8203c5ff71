"""Slices one after the other, none of them from a cache, and the way to the first one."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from core_bench.timing import Comparison, Race

from dicube_core.dataset import uids
from dicube_core.streaming import DcbStreamingReader
from stream_bench.peers import BareFile, incumbent_reader, incumbent_slices

if TYPE_CHECKING:
    from pathlib import Path

    from core_bench.fixtures import Fixture
    from core_bench.outcome import Row

__all__ = ["time_slices"]

_DICUBE = "dicube 0.3.0"


def time_slices(fixture: Fixture, rounds: int) -> list[Row]:
    """Time slices of both files, with readers that are open already, and with new ones."""
    return _open_readers(fixture, rounds) + _first_slices(fixture, rounds)


def _each(stream: DcbStreamingReader, syntax: str | None = None) -> None:
    for index in range(len(stream)):
        stream.get_dicom_for_frame(index, transfer_syntax=syntax)


def _open_readers(fixture: Fixture, rounds: int) -> list[Row]:
    race, plain = Race(fixture.source.name), uids.EXPLICIT_LE
    with closing(BareFile(fixture.ours)) as bare, _uncached(fixture.ours) as ours:
        race.add("htj2k", partial(_each, ours))
        race.add("explicit", partial(_each, ours, plain))
        race.add("pread", bare.read)
        race.add("decode", bare.decode)
        if fixture.dicube is None:
            race.run(rounds)
        else:
            with (
                closing(incumbent_reader(fixture.theirs)) as its,
                closing(BareFile(fixture.theirs)) as its_bare,
                _uncached(fixture.theirs) as theirs,
            ):
                race.add("dicube", partial(incumbent_slices, its))
                race.add("htj2k theirs", partial(_each, theirs))
                race.add("explicit theirs", partial(_each, theirs, plain))
                race.add("decode theirs", its_bare.decode)
                race.run(rounds)
    comparisons = (
        Comparison("HTJ2K slice, our file", "htj2k", "dicube", _DICUBE, 1 / 60),
        Comparison("HTJ2K slice, our file", "htj2k", "pread", "os.pread", 2.5),
        Comparison("HTJ2K slice, file of 0.3.0", "htj2k theirs", "dicube", _DICUBE, 1 / 20),
        Comparison("Explicit VR LE slice, our file", "explicit", "decode", "bare decoder", 1.2),
        Comparison(
            "Explicit VR LE slice, file of 0.3.0",
            "explicit theirs",
            "decode theirs",
            "bare decoder",
        ),
    )
    count = len(fixture.source.files())
    return [_per_slice(race.row(comparison), count) for comparison in comparisons]


def _uncached(path: Path) -> DcbStreamingReader:
    return DcbStreamingReader(path, cache_size=0)


def _per_slice(row: Row, count: int) -> Row:
    """Tell microseconds per slice instead of milliseconds for all."""
    if row.ours is None or row.other is None:
        return row
    return replace(row, ours=1e3 * row.ours / count, other=1e3 * row.other / count, unit="us")


def _first_slices(fixture: Fixture, rounds: int) -> list[Row]:
    race = Race(fixture.source.name)
    for name, path in (("ours", fixture.ours), ("theirs", fixture.theirs)):
        if path.exists():
            race.add(f"first {name}", partial(_first, path))
            race.add(f"all {name}", partial(_all, path))
    if fixture.dicube is not None:
        race.add("first dicube", partial(_incumbent_first, fixture.theirs))
        race.add("all dicube", partial(_incumbent_all, fixture.theirs))
    race.run(rounds)
    comparisons = (
        Comparison("open to first slice, our file", "first ours", "first dicube", _DICUBE, 1 / 15),
        Comparison("open to first slice, file of 0.3.0", "first theirs", "first dicube", _DICUBE),
        Comparison("open and all slices once, our file", "all ours", "all dicube", _DICUBE),
        Comparison("open and all slices, file of 0.3.0", "all theirs", "all dicube", _DICUBE),
    )
    return [race.row(comparison) for comparison in comparisons]


def _first(path: Path) -> None:
    with DcbStreamingReader(path) as stream:
        stream.get_dicom_for_frame(0)


def _all(path: Path) -> None:
    with DcbStreamingReader(path) as stream:
        _each(stream)


def _incumbent_first(path: Path) -> None:
    with closing(incumbent_reader(path)) as reader:
        reader._create_dicom_for_frame(0)


def _incumbent_all(path: Path) -> None:
    with closing(incumbent_reader(path)) as reader:
        incumbent_slices(reader)
