"""Collect the files of a folder, or whatever else a series is made from."""

from __future__ import annotations

import errno
import io
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from dicube_core.dicom.scan import NotDicomError, SliceSource, scan
from dicube_core.exceptions import SeriesError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pydicom import Dataset

__all__ = ["Gathered", "gather", "is_regular"]


@dataclass(frozen=True, slots=True)
class Gathered:
    """Instances found, and files left out with the reason."""

    sources: tuple[SliceSource, ...]
    skipped: tuple[tuple[str, str], ...]


if TYPE_CHECKING:
    SeriesInput = (
        str
        | os.PathLike[str]
        | Dataset
        | BinaryIO
        | bytes
        | Iterable[str | os.PathLike[str] | Dataset | BinaryIO | bytes]
        | Gathered
    )


def gather(source: SeriesInput) -> Gathered:
    """Scan everything in a folder (with its sub-folders), or in a list.

    Parameters
    ----------
    source : path, data set, binary file, bytes, or an iterable of them
        A folder is read recursively, in the order of the names. What was gathered already is
        returned as it is.

    Raises
    ------
    FileNotFoundError
        A path does not exist.
    SeriesError
        Nothing in it is DICOM.
    MetaDataError
        A DICOM file is damaged.
    OSError
        A file or folder cannot be read: a series is never made without some of its files unless
        that is told.
    """
    if isinstance(source, Gathered):
        return source
    sources: list[SliceSource] = []
    skipped: list[tuple[str, str]] = []
    for origin, name in _inputs(source):
        try:
            sources.append(scan(origin, name))
        except NotDicomError as exc:
            skipped.append((name, exc.message.removeprefix(f"{name}: ")))
    if not sources:
        raise SeriesError(
            f"no DICOM file in {_describe(source)}{_left_out(skipped)}",
            suggestion="give the folder that holds the slices",
        )
    return Gathered(tuple(sources), tuple(skipped))


def _left_out(skipped: list[tuple[str, str]]) -> str:
    if len(skipped) == 1:
        return f": {skipped[0][0]} is {skipped[0][1]}"
    return f"; {len(skipped)} other files were left out"


def _describe(source: object) -> str:
    return os.fspath(source) if isinstance(source, str | os.PathLike) else "the given list"


def _inputs(source: Any) -> Iterator[tuple[Path | bytes, str]]:
    if isinstance(source, str | os.PathLike):
        path = Path(source)
        if path.is_dir():
            yield from _folder(path)
        else:
            yield path, path.name
        return
    if isinstance(source, bytes) or hasattr(source, "read") or _is_dataset(source):
        source = [source]
    names: set[str] = set()
    for number, item in enumerate(source):
        origin, name = _one(item, number)
        while name in names:  # two folders may hold files of the same name
            name = f"{number:04d}_{name}"
        names.add(name)
        yield origin, name


def _folder(folder: Path) -> Iterator[tuple[Path, str]]:
    """Yield the regular files below a folder in a fixed order."""
    for root, folders, files in os.walk(folder, onerror=_fail):
        folders.sort()
        for file in sorted(files):
            path = Path(root) / file
            if is_regular(path):
                yield path, path.relative_to(folder).as_posix()


def _fail(error: OSError) -> None:
    """Refuse a folder that cannot be read: there may be slices in it."""
    raise error


def is_regular(path: Path) -> bool:
    """Tell files from FIFOs, devices, and links that lead nowhere.

    Raises
    ------
    OSError
        The system does not tell (no permission, a failing disk).
    """
    try:
        return stat.S_ISREG(os.stat(path).st_mode)  # noqa: PTH116 - `Path.is_file` hides errors
    except OSError as exc:
        if exc.errno in (errno.ENOENT, errno.ELOOP) and path.is_symlink():
            return False
        raise


def _is_dataset(item: object) -> bool:
    return hasattr(item, "to_json_dict") and hasattr(item, "group_dataset")


def _one(item: Any, number: int) -> tuple[Path | bytes, str]:
    if isinstance(item, str | os.PathLike):
        path = Path(item)
        return path, path.name
    if isinstance(item, bytes | bytearray | memoryview):
        return bytes(item), f"slice_{number:04d}.dcm"
    if _is_dataset(item):
        name = os.fspath(getattr(item, "filename", None) or "")
        return _dataset_bytes(item), Path(name).name or f"slice_{number:04d}.dcm"
    if hasattr(item, "read"):
        name = str(getattr(item, "name", "") or "")
        return bytes(item.read()), Path(name).name or f"slice_{number:04d}.dcm"
    raise TypeError(
        f"item {number} is {type(item).__name__}; expected a path, binary file, bytes or data set"
    )


def _dataset_bytes(dataset: Dataset) -> bytes:
    """Write a data set as pydicom would save it; elements that were not touched stay as read."""
    from pydicom import dcmwrite
    from pydicom.uid import ExplicitVRLittleEndian

    file = io.BytesIO()
    has_syntax = "TransferSyntaxUID" in getattr(dataset, "file_meta", {})
    if has_syntax:
        dcmwrite(file, dataset, enforce_file_format=False)
    else:
        implicit, little = dataset.original_encoding
        if implicit is None or little is None:
            implicit, little = False, True
        if not little:
            implicit, little = ExplicitVRLittleEndian.is_implicit_VR, True
        dcmwrite(file, dataset, implicit_vr=implicit, little_endian=little)
    return file.getvalue()
