"""What a thread does again and again. Each operation compares all that it is given."""

from __future__ import annotations

import contextlib
import os
import pickle
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import dicube_core
from dicube_core.exceptions import (
    DicomCubeError,
    FrameIndexError,
    ReaderClosedError,
    TransferSyntaxError,
)
from dicube_core.streaming import DcbStreamingReader, open_dicom
from reliability.soak.subjects import digest, facts_of

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Sequence

    from reliability.soak.subjects import Subject

__all__ = ["ERRORS", "FORKABLE", "OPERATIONS", "Shared", "UnequalError"]


class UnequalError(AssertionError):
    """A read gave something else than it must."""


def _equal(found: object, expected: object, what: str) -> None:
    if found != expected:
        raise UnequalError(f"{what}: {found!r} instead of {expected!r}")


class Shared:
    """Readers that all threads of a process (and the children it forks) use at the same time."""

    def __init__(self, subjects: Sequence[Subject], work: Path) -> None:
        self.subjects = subjects
        self.work = work
        self.readers = {s.name: dicube_core.open(s.path) for s in subjects}
        self.streams = {s.name: DcbStreamingReader(s.path, cache_size=6) for s in subjects}
        self.images: dict[str, Any] = {}
        with contextlib.suppress(ImportError):
            from dicube_plugins.nibabel import load

            self.images = {s.name: load(s.path) for s in subjects if s.has_grid}

    def close(self) -> None:
        """Close all."""
        for reader in (*self.readers.values(), *self.streams.values()):
            reader.close()
        self.images = {}


def _whole(shared: Shared, rng: random.Random) -> Subject:
    return rng.choice([s for s in shared.subjects if s.damaged < 0])


def _frame_of(subject: Subject, rng: random.Random) -> int:
    return rng.choice([n for n in range(len(subject.frames)) if n != subject.damaged])


def _syntax_of(subject: Subject, rng: random.Random) -> str:
    return rng.choice(sorted(subject.slices))


def shared_frame(shared: Shared, rng: random.Random) -> None:
    """One frame of a shared reader."""
    subject = rng.choice(shared.subjects)
    index = _frame_of(subject, rng)
    found = digest(shared.readers[subject.name].frame(index))
    _equal(found, subject.frames[index], f"{subject.name} frame {index}")


def own_frames(shared: Shared, rng: random.Random) -> None:
    """Some frames of a reader of one's own, on several threads."""
    subject = _whole(shared, rng)
    chosen = [_frame_of(subject, rng) for _ in range(rng.randrange(1, 6))]
    with dicube_core.open(subject.path) as reader:
        found = [digest(frame) for frame in reader.frames(chosen)]
    _equal(found, [subject.frames[i] for i in chosen], f"{subject.name} frames {chosen}")


def shared_slice(shared: Shared, rng: random.Random) -> None:
    """Slices of a shared stream, one after the other, so that some are made ahead."""
    subject = rng.choice(shared.subjects)
    syntax, first = _syntax_of(subject, rng), _frame_of(subject, rng)
    for index in range(first, min(first + rng.randrange(1, 4), len(subject.frames))):
        if index != subject.damaged:
            stream = shared.streams[subject.name]
            data = stream.get_dicom_for_frame(index, transfer_syntax=syntax or None)
            _equal(digest(data), subject.slices[syntax][index], f"{subject.name} slice {index}")


def own_slice(shared: Shared, rng: random.Random) -> None:
    """A slice as a file object."""
    subject = _whole(shared, rng)
    syntax, index = _syntax_of(subject, rng), _frame_of(subject, rng)
    with open_dicom(subject.path, index, syntax or None) as file:
        _equal(digest(file.read()), subject.slices[syntax][index], f"{subject.name} file {index}")


def loaded(shared: Shared, rng: random.Random) -> None:
    """The whole image, and its modality values."""
    subject = _whole(shared, rng)
    image = dicube_core.load(subject.path)
    _equal(tuple(map(digest, image.raw_image)), subject.frames, f"{subject.name} loaded")
    _equal(digest(image.get_fdata("float64")), subject.values, f"{subject.name} values")


def facts(shared: Shared, rng: random.Random) -> None:
    """Metadata, headers and geometry, of a shared reader or a new one."""
    subject = rng.choice(shared.subjects)
    _equal(facts_of(shared.readers[subject.name]), subject.facts, f"{subject.name} facts")
    with dicube_core.open(subject.path) as reader:
        _equal(facts_of(reader), subject.facts, f"{subject.name} facts, anew")


def pickled(shared: Shared, rng: random.Random) -> None:
    """A reader that was sent elsewhere."""
    subject = _whole(shared, rng)
    with pickle.loads(pickle.dumps(shared.readers[subject.name])) as reader:
        index = _frame_of(subject, rng)
        _equal(digest(reader.frame(index)), subject.frames[index], f"{subject.name} pickled")


def verified(shared: Shared, rng: random.Random) -> None:
    """The check of a whole file, good or damaged."""
    subject = rng.choice([s for s in shared.subjects if s.name not in ("big", "legacy")])
    report = dicube_core.verify_file(subject.path)
    _equal(report.ok, subject.damaged < 0, f"{subject.name} verified: {report.failures}")


def converted(shared: Shared, rng: random.Random) -> None:
    """A series converted over the same file again and again, verified, loaded and saved."""
    subject = rng.choice([s for s in shared.subjects if s.folder])
    path = shared.work / f"converted-{rng.randrange(4)}-{os.getpid()}.dcbs"
    dicube_core.convert(subject.folder, path)
    own = path.with_name(f"{path.stem}-{threading.get_ident()}.dcbs")
    dicube_core.save(dicube_core.load(subject.path), own)
    expected = Path(subject.path).read_bytes()
    _equal(digest(own.read_bytes()), digest(expected), f"{subject.name} saved")
    own.unlink()


def error_damaged(shared: Shared, rng: random.Random) -> None:
    """A damaged frame is refused in every form; the others stay readable."""
    for subject in shared.subjects:
        if subject.damaged < 0:
            continue
        reader, stream = shared.readers[subject.name], shared.streams[subject.name]
        work: list[Callable[[], object]] = [
            lambda: reader.frame(subject.damaged),  # noqa: B023 - called in this turn
            reader.frames,
            lambda: stream.get_dicom_for_frame(subject.damaged, True),  # noqa: B023
            lambda: stream.get_dicom_for_frame(subject.damaged),  # noqa: B023
            lambda: dicube_core.load(subject.path),  # noqa: B023
        ]
        try:
            rng.choice(work)()
        except DicomCubeError as error:
            _equal("checksum" in str(error), True, f"{subject.name}: {error}")
        else:
            raise UnequalError(f"{subject.name}: damage was not noticed")


def error_misuse(shared: Shared, rng: random.Random) -> None:
    """Closed readers, frames and syntaxes that do not exist, files that are missing or none."""
    subject = _whole(shared, rng)
    stream = DcbStreamingReader(subject.path)
    cases: list[tuple[type[Exception], Callable[[], object]]] = [
        (FrameIndexError, lambda: stream.get_dicom_for_frame(len(subject.frames))),
        (TransferSyntaxError, lambda: stream.get_dicom_for_frame(0, transfer_syntax="1.2.3")),
        (FileNotFoundError, lambda: dicube_core.open(subject.path + ".missing")),
        (DicomCubeError, lambda: dicube_core.open(b"DCMCUBES" + bytes(50))),
        (IsADirectoryError, lambda: dicube_core.open(Path(subject.path).parent)),
    ]
    for kind, work in cases:
        _raises(kind, work)
    stream.close()
    _raises(ReaderClosedError, lambda: stream.get_dicom_for_frame(0))


def _raises(kind: type[Exception], work: Callable[[], object]) -> None:
    try:
        work()
    except kind:
        return
    raise UnequalError(f"{kind.__name__} was not raised")


def nibabel_voxels(shared: Shared, rng: random.Random) -> None:
    """A plane of a shared nibabel proxy."""
    if shared.images:
        name = rng.choice(sorted(shared.images))
        subject = next(s for s in shared.subjects if s.name == name)
        index = _frame_of(subject, rng)
        stored = (
            shared.images[name].dataobj.get_unscaled()[..., index]
            if len(subject.frames) < 10 and rng.random() < 0.2
            else None
        )
        plane = shared.images[name].dataobj[..., index]
        _equal(plane.shape[::-1], shared.readers[name].shape[1:], f"{name} plane")
        if stored is not None:
            _equal(digest(np.ascontiguousarray(stored.T)), subject.frames[index], f"{name} voxels")


def pydicom_frame(shared: Shared, rng: random.Random) -> None:
    """A slice as a pydicom data set, its pixels decoded by pydicom."""
    from dicube_plugins.pydicom import dcmread

    subject = rng.choice([s for s in shared.subjects if s.has_grid and s.name != "legacy"])
    index = _frame_of(subject, rng)
    dataset = dcmread(subject.path, frame=index, transfer_syntax="explicit")
    _equal(digest(dataset.pixel_array), subject.frames[index], f"{subject.name} pixel_array")


def simpleitk_image(shared: Shared, rng: random.Random) -> None:
    """The image of SimpleITK: modality values."""
    try:
        import SimpleITK as sitk

        from dicube_plugins.simpleitk import read_image
    except ImportError:
        return
    subject = rng.choice([s for s in shared.subjects if s.has_grid and s.name != "big"])
    values = sitk.GetArrayFromImage(read_image(subject.path)).astype("float64")
    _equal(digest(values), subject.values, f"{subject.name} SimpleITK")


ERRORS = (error_damaged, error_misuse)
#: Operation -> how often, in proportion.
OPERATIONS: dict[Callable[[Shared, Any], None], int] = {
    shared_frame: 30,
    own_frames: 12,
    shared_slice: 25,
    own_slice: 12,
    loaded: 3,
    facts: 3,
    pickled: 4,
    verified: 3,
    converted: 2,
    error_damaged: 8,
    error_misuse: 6,
    nibabel_voxels: 8,
    pydicom_frame: 6,
    simpleitk_image: 2,
}
#: What a forked child may do: the thread pools of other libraries do not survive a fork.
FORKABLE = tuple(work for work in OPERATIONS if work not in (simpleitk_image, converted))
