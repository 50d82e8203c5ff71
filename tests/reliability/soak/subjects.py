"""The files that the load reads, and what every read of them must give."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian
from support.encodings import compressed_series
from support.kind_series import Sort, sort_series
from support.legacy_file import legacy_file, regions, volume
from support.multiframe import enhanced, frames_of
from support.raw import EXPLICIT_LE, IMPLICIT_LE
from support.series import Kind, make_series
from support.whole import write_files

import dicube_core
from dicube_core.streaming import DcbStreamingReader

__all__ = ["DEFLATED", "Subject", "digest", "facts_of", "make_subjects"]

HTJ2K = "1.2.840.10008.1.2.4.201"
DEFLATED = "1.2.840.10008.1.2.1.99"
_SYNTAXES = ("", HTJ2K, EXPLICIT_LE, IMPLICIT_LE, DEFLATED)


def digest(data: Any) -> str:
    """Return a short digest of bytes or of an array's bytes."""
    content = np.ascontiguousarray(data).tobytes() if isinstance(data, np.ndarray) else data
    return hashlib.blake2b(content, digest_size=12).hexdigest()


def facts_of(reader: dicube_core.Reader) -> str:
    """Return a digest of all that a reader says besides pixels."""
    meta, headers = reader.dicom_meta, reader.headers
    facts = (
        None if meta is None else json.dumps(dict(meta.items()), sort_keys=True),
        None if headers is None else [header.dataset.hex() for header in headers],
        None if reader.geometry is None else reader.geometry.to_json_dict(),
        reader.dicom_status.value,
        repr(reader.pixel_format),
        reader.pixel_header.to_dict(),
    )
    return digest(repr(facts).encode())


@dataclass(frozen=True, slots=True)
class Subject:
    """One file, and digests of what it gives.

    Parameters
    ----------
    name : str
        What is special about it.
    path : str
        The file.
    frames : tuple of str
        Digest of the stored values of each frame.
    slices : dict
        Transfer syntax ('' for the default one) -> digest of each slice.
    facts : str
        See `facts_of`.
    values : str
        Digest of the modality values of all frames, as float64.
    damaged : int
        Frame that must be refused, -1 for none.
    folder : str
        The DICOM files it was made from, '' where it is not to be converted again.
    has_grid : bool
        Whether adapters give it as an image.
    """

    name: str
    path: str
    frames: tuple[str, ...]
    slices: dict[str, tuple[str, ...]]
    facts: str
    values: str
    damaged: int = -1
    folder: str = ""
    has_grid: bool = False


def _subject(name: str, path: Path, known: Any = None, **options: Any) -> Subject:
    """Read a file calmly, once; `known` are the stored values it was made from."""
    with dicube_core.open(path) as reader, DcbStreamingReader(path, cache_size=0) as stream:
        stored = reader.frames()
        if known is not None:
            np.testing.assert_array_equal(stored, known)
        slices = {}
        for syntax in _SYNTAXES:
            try:
                found = [
                    digest(stream.get_dicom_for_frame(i, transfer_syntax=syntax or None))
                    for i in range(len(stream))
                ]
            except dicube_core.exceptions.TransferSyntaxError:
                continue
            slices[syntax] = tuple(found)
        return Subject(
            name,
            str(path),
            tuple(digest(frame) for frame in stored),
            slices,
            facts_of(reader),
            digest(dicube_core.load(path).get_fdata("float64")),
            **options,
        )


def _converted(folder: Path, name: str, files: dict[str, bytes], **options: Any) -> Path:
    source = write_files(folder / f"{name}-source", files)
    dicube_core.convert(source, folder / f"{name}.dcbs", **options)
    return folder / f"{name}.dcbs"


def _series(folder: Path, name: str, count: int, kind: Kind) -> Subject:
    path = _converted(folder, name, make_series(count, kind))
    known = np.stack([kind.frame(index) for index in range(count)])
    source = str(folder / f"{name}-source") if count < 50 else ""
    return _subject(name, path, known, folder=source, has_grid=True)


def make_subjects(
    folder: Path, *, size: int = 256, count: int = 60, small: int = 10
) -> list[Subject]:
    """Make all files below a folder.

    Parameters
    ----------
    folder : Path
        Where.
    size, count : int
        Rows and columns, and number of frames, of the big series.
    small : int
        Number of small series.
    """
    folder.mkdir(parents=True, exist_ok=True)
    subjects = [_series(folder, "big", count, Kind("big", rows=size, columns=size))]
    for number in range(small):
        kind = Kind(f"small{number}", stored=8 + number % 8, rows=20 + number, columns=24)
        subjects.append(_series(folder, kind.name, 4, kind))
    colour = Sort("rgb", rows=32, columns=40)
    path = _converted(folder, "colour", sort_series(colour, 5))
    known = np.stack([colour.frame(index) for index in range(5)])
    subjects.append(_subject("colour", path, known))
    subjects.append(_multi(folder))
    path = _converted(folder, "kept", compressed_series("jpeg_2000", 4), keep_encoding=True)
    subjects.append(_subject("kept", path))
    stored = volume(6, 40, 30)
    (folder / "legacy.dcbs").write_bytes(legacy_file(stored))
    subjects.append(_subject("legacy", folder / "legacy.dcbs", stored, has_grid=True))
    return [*subjects, _damaged(folder, subjects[1])]


def _multi(folder: Path) -> Subject:
    frames = frames_of(7, 30, 26)
    source = folder / "multi-source" / "a.dcm"
    source.parent.mkdir()
    dataset = enhanced(frames)
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.save_as(source, enforce_file_format=True)
    dicube_core.convert(source, folder / "multi.dcbs")
    return _subject("multi", folder / "multi.dcbs", frames)


def _damaged(folder: Path, whole: Subject) -> Subject:
    """Make a copy whose frame 1 does not match its checksum; all others are as before."""
    data = bytearray(Path(whole.path).read_bytes())
    data[regions(bytes(data))["packets 1"].start + 5] ^= 4
    path = folder / "damaged.dcbs"
    path.write_bytes(data)
    return Subject("damaged", str(path), whole.frames, whole.slices, whole.facts, "", damaged=1)
