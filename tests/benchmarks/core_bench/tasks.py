"""The tasks whose speed is measured, with the goals of each."""

from __future__ import annotations

import os
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import dicube_core
from core_bench.outcome import Row, not_installed, single_row
from core_bench.peers import BareCodec, pydicom_loop
from core_bench.timing import Comparison, Race
from dicube_core.metadata.tags import CommonTags

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import numpy as np

    from core_bench.fixtures import Fixture

__all__ = ["time_tasks"]

_DICUBE, _BARE_DECODER, _BARE_ENCODER = "dicube 0.3.0", "bare decoder", "bare encoder"


def time_tasks(fixture: Fixture, bare: BareCodec, rounds: int) -> list[Row]:
    """Time all tasks on one series."""
    rows = _loading(fixture, bare, rounds)
    rows += _folder_to_image(fixture, rounds)
    rows += _folder_to_file(fixture, rounds)
    rows += _saving(fixture, bare, rounds)
    rows += _opening(fixture, rounds)
    rows += _preview(fixture, rounds)
    rows.append(_size(fixture))
    return rows


def _frames(path: object, out: np.ndarray | None = None, level: int = 0) -> np.ndarray:
    with dicube_core.open(path) as reader:
        return reader.frames(out=out, level=level)


def _loading(fixture: Fixture, bare: BareCodec, rounds: int) -> list[Row]:
    race = Race(fixture.source.name)
    race.add("load", partial(dicube_core.load, fixture.ours))
    race.add("pixels", partial(_frames, fixture.ours))
    race.add("pixels out=", partial(_frames, fixture.ours, fixture.volume))
    race.add("bare", bare.decode)
    race.add("bare reused", bare.decode_reused)
    if fixture.dicube is not None:
        race.add("dicube", partial(fixture.dicube.load, str(fixture.theirs)))
        race.add("dicube pixels", partial(fixture.dicube.load, str(fixture.theirs), True))
        race.add("load theirs", partial(dicube_core.load, fixture.theirs))
    race.run(rounds)
    comparisons = (
        Comparison("load, with metadata", "load", "dicube", _DICUBE, 0.80),
        Comparison("load, pixels only", "pixels", "dicube pixels", _DICUBE, 0.80),
        Comparison("load a file of 0.3.0", "load theirs", "dicube", _DICUBE, 0.80),
        Comparison("load, pixels only", "pixels", "bare", _BARE_DECODER, 1.08),
        Comparison("load, into an array", "pixels out=", "bare reused", _BARE_DECODER, 1.08),
        Comparison("load, with metadata", "load", "bare", _BARE_DECODER),
        Comparison("(limit) bare decoder", "bare", "dicube pixels", _DICUBE),
    )
    return [race.row(comparison) for comparison in comparisons]


def _folder_to_image(fixture: Fixture, rounds: int) -> list[Row]:
    race = Race(fixture.source.name)
    race.add("ours", partial(dicube_core.load_from_dicom_folder, fixture.source.folder))
    race.add("pydicom", partial(pydicom_loop, fixture.source.files()))
    if fixture.dicube is not None:
        race.add("dicube", fixture.their_folder_image)
    race.run(rounds)
    task = "DICOM folder to image"
    return [
        race.row(Comparison(task, "ours", "dicube", _DICUBE, 0.08)),
        race.row(Comparison(task, "ours", "pydicom", "pydicom loop", 0.40)),
    ]


def _folder_to_file(fixture: Fixture, rounds: int) -> list[Row]:
    race = Race(fixture.source.name)
    folder, target = fixture.source.folder, fixture.target("converted")
    race.add("verified", partial(dicube_core.convert, folder, target), _without(target))
    unverified = partial(dicube_core.convert, folder, target, verify=False)
    race.add("unverified", unverified, _without(target))
    if fixture.dicube is not None:
        dicube, theirs = fixture.dicube, fixture.target("converted_by_dicube")
        convert = lambda: dicube.save(fixture.their_folder_image(), theirs)  # noqa: E731
        race.add("dicube", convert, _without(theirs))
    race.run(rounds)
    return [
        race.row(Comparison("folder to file, unverified", "unverified", "dicube", _DICUBE, 0.25)),
        race.row(Comparison("folder to file, verified", "verified", "dicube", _DICUBE, 0.45)),
    ]


def _saving(fixture: Fixture, bare: BareCodec, rounds: int) -> list[Row]:
    race = Race(fixture.source.name)
    image, target = dicube_core.load(fixture.ours), fixture.target("saved")
    unverified = partial(dicube_core.save, image, target, verify=False)
    race.add("verified", partial(dicube_core.save, image, target), _without(target))
    race.add("unverified", unverified, _without(target))
    race.add("not durable", partial(_not_durable, unverified), _without(target))
    race.add("bare", bare.encode)
    if fixture.dicube is not None:
        image_of_theirs = fixture.dicube.load(str(fixture.theirs))
        theirs = fixture.target("saved_by_dicube")
        race.add("dicube", partial(fixture.dicube.save, image_of_theirs, theirs), _without(theirs))
    race.run(rounds)
    comparisons = (
        Comparison("save, unverified", "unverified", "dicube", _DICUBE, 0.95),
        Comparison("save, unverified", "unverified", "bare", _BARE_ENCODER, 1.15),
        Comparison("save, verified", "verified", "unverified", "unverified", 1.60),
        Comparison("save, verified", "verified", "dicube", _DICUBE),
        Comparison("save, unverified, no fsync", "not durable", "dicube", _DICUBE),
        Comparison("save, unverified, no fsync", "not durable", "bare", _BARE_ENCODER),
        Comparison("(limit) bare encoder", "bare", "dicube", _DICUBE),
    )
    return [race.row(comparison) for comparison in comparisons]


def _without(path: str) -> Callable[[], None]:
    """Return a function that removes an older file, so that each run writes a new one."""
    return partial(Path(path).unlink, missing_ok=True)


def _not_durable(task: Callable[[], object]) -> object:
    """Run a task as if writing back to the disk took no time: what 0.3.0 leaves out."""
    with _no_fsync():
        return task()


@contextmanager
def _no_fsync() -> Iterator[None]:
    fsync, os.fsync = os.fsync, lambda _: None
    try:
        yield
    finally:
        os.fsync = fsync


def _open_with_metadata(path: object) -> object:
    with dicube_core.open(path) as reader:
        positions = reader.dicom_meta.get_values(CommonTags.ImagePositionPatient)
        return positions, reader.geometry


def _opening(fixture: Fixture, rounds: int) -> list[Row]:
    race = Race(fixture.source.name)
    race.add("ours", partial(_open_with_metadata, fixture.ours))
    if fixture.dicube is not None:
        race.add("theirs", partial(_open_with_metadata, fixture.theirs))
        dicube, path = fixture.dicube, str(fixture.theirs)
        tag = dicube.CommonTags.ImagePositionPatient
        race.add("dicube", lambda: dicube.load_meta(path).get_values(tag))
    race.run(rounds)
    return [
        race.row(Comparison("open, metadata, geometry", "ours", "dicube", _DICUBE, 0.40)),
        race.row(Comparison("the same, file of 0.3.0", "theirs", "dicube", _DICUBE)),
    ]


def _preview(fixture: Fixture, rounds: int) -> list[Row]:
    race = Race(fixture.source.name)
    race.add("preview", partial(_frames, fixture.ours, None, 2))
    race.add("full", partial(_frames, fixture.ours))
    race.run(rounds)
    return [
        race.row(Comparison("preview of all frames, 1/4", "preview", "full", "full load", 0.10))
    ]


def _size(fixture: Fixture) -> Row:
    name, task, goal = fixture.source.name, "size of the file", 1.005
    if fixture.dicube is None:
        return not_installed(name, task, _DICUBE, goal)
    ours, theirs = (path.stat().st_size / 1e3 for path in (fixture.ours, fixture.theirs))
    return single_row(name, task, _DICUBE, ours, theirs, goal=goal, unit="kB")


def bare_codec(fixture: Fixture) -> closing[BareCodec]:
    """Return the bare codec on the fixture's frames, closed on leaving the ``with`` block."""
    return closing(BareCodec(fixture.volume, fixture.codestreams, fixture.threads))
