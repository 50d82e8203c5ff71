"""Read ``.dcbs`` files with pydicom, with nothing installed into it."""

from __future__ import annotations

import contextlib
import operator
import os
from io import BytesIO
from typing import TYPE_CHECKING, Any, Literal

import pydicom.filereader
from pydicom.tag import Tag

from dicube_core.exceptions import DataConsistencyError, InvalidCubeFileError
from dicube_core.streaming import DcbStreamingReader
from dicube_core.streaming import open_dicom as open_slice
from dicube_plugins.policy import AUTO
from dicube_plugins.pydicom._reading import open_series, read_series, syntax_or_none
from dicube_plugins.pydicom._source import path_of, source_of
from dicube_plugins.sniff import is_dcbs

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import BufferedIOBase
    from typing import BinaryIO

    from pydicom.dataset import FileDataset

    Given = str | os.PathLike[str] | BinaryIO

__all__ = ["datasets", "dcmread", "open_dicom"]


def dcmread(
    fp: Given,
    defer_size: str | float | None = None,
    stop_before_pixels: bool = False,
    force: bool = False,
    specific_tags: list[Any] | None = None,
    *,
    frame: int | None = None,
    transfer_syntax: str = AUTO,
    pixel_data: Literal["lazy", "bytes"] = "lazy",
) -> FileDataset:
    """Read a ``.dcbs`` or DICOM file, as `pydicom.dcmread` does.

    Parameters
    ----------
    fp : path or binary file
        Files that are not ``.dcbs`` are left to pydicom.
    defer_size, stop_before_pixels, force, specific_tags
        As in pydicom. There is nothing to defer in a ``.dcbs`` file.
    frame : int, optional
        Slice to read, 0-based, in the order of the file; negative values count from the end. By
        default the whole file is read: as its own data set where it holds one multi-frame
        instance (or one frame of a kind that no class of multi-frame images takes), else as one
        multi-frame image made of all slices.
    transfer_syntax : str
        In which the pixels are wanted: a UID, a short name (``"htj2k"``, ``"explicit"``, for
        slices also ``"htj2k-rpcl"``, ``"implicit"`` and ``"deflated"``), or ``"auto"``: HTJ2K
        where the frames allow it and pydicom can decode it here, else uncompressed. What it came
        to is said by ``file_meta.TransferSyntaxUID``.
    pixel_data : {"lazy", "bytes"}
        Leave the pixels of a series in the file until they are needed, or read them now. A slice
        is always read as a whole.

    Returns
    -------
    FileDataset
        A series is a `SeriesDataset`. A slice is what `DcbStreamingReader.get_dicom_for_frame`
        delivers.

    Raises
    ------
    InvalidCubeFileError
        The file is damaged; or it is no ``.dcbs`` file, but a frame or transfer syntax was asked
        for.
    FrameIndexError, TransferSyntaxError, MetaDataError, UnsupportedKindError
        There is no such frame, or the file cannot be given in this form.
    OSError
        It cannot be opened.
    """
    if pixel_data not in ("lazy", "bytes"):
        raise DataConsistencyError(f"pixel_data is {pixel_data!r}; choose 'lazy' or 'bytes'")
    if not is_dcbs(fp):
        _refuse_choice(fp, frame, transfer_syntax)
        return pydicom.filereader.dcmread(fp, defer_size, stop_before_pixels, force, specific_tags)
    if frame is not None:
        slice_file = open_slice(
            source_of(fp), operator.index(frame), syntax_or_none(transfer_syntax)
        )
        read = pydicom.filereader.dcmread(
            slice_file, None, stop_before_pixels, force, specific_tags
        )
        return _named(read, path_of(fp))
    return read_series(
        pydicom.filereader.read_partial,
        fp,
        _at_pixels if stop_before_pixels else None,
        force=force,
        specific_tags=[Tag(tag) for tag in specific_tags] if specific_tags else specific_tags,
        transfer_syntax=transfer_syntax,
        lazy=pixel_data == "lazy",
    )


def datasets(fp: Given, transfer_syntax: str = AUTO, **options: Any) -> Iterator[FileDataset]:
    """Iterate over the slices of a ``.dcbs`` file, each read when it is its turn.

    Parameters
    ----------
    fp : path or binary file
        The file; it is opened now.
    transfer_syntax : str
        As in `dcmread`.
    **options
        Options of `pydicom.dcmread`, such as ``stop_before_pixels``.

    Returns
    -------
    iterator of FileDataset
        What `DcbStreamingReader` delivers, in the order of the file.

    Raises
    ------
    StreamingError
        The file is not valid, or a slice cannot be read.
    """
    syntax = syntax_or_none(transfer_syntax)
    return _slices(DcbStreamingReader(source_of(fp)), syntax, path_of(fp), options)


def _slices(
    reader: DcbStreamingReader, syntax: str | None, path: str | None, options: dict[str, Any]
) -> Iterator[FileDataset]:
    with reader:
        for index in range(reader.frame_count):
            data = reader.get_dicom_for_frame(index, transfer_syntax=syntax)
            yield _named(pydicom.filereader.dcmread(BytesIO(data), **options), path)


def open_dicom(fp: Given, transfer_syntax: str = AUTO) -> BufferedIOBase:
    """Open a whole series as one DICOM file, as `dcmread` reads it, made while it is read.

    For everything that takes a binary file, such as `pydicom.pixels.pixel_array`.

    Parameters
    ----------
    fp : path or binary file
        The ``.dcbs`` file.
    transfer_syntax : str
        As in `dcmread`, HTJ2K or Explicit VR Little Endian.

    Returns
    -------
    io.BufferedIOBase
        Read-only and seekable; every thread has its own position. Reading raises
        `DicomCubeError` where a frame is damaged.
    """
    return open_series(fp, transfer_syntax).open()


def _refuse_choice(fp: Given, frame: int | None, transfer_syntax: str) -> None:
    """Refuse what only ``.dcbs`` files can do."""
    if frame is None and transfer_syntax == AUTO:
        return
    if isinstance(fp, str | os.PathLike):
        os.stat(fp)  # noqa: PTH116 - a file that is missing is another mistake
    option = "transfer_syntax" if frame is None else "frame"
    raise InvalidCubeFileError(
        f"{path_of(fp) or fp}: {option}= is for .dcbs files, and this is none",
        suggestion="for a frame of a DICOM file, use pydicom.pixels.pixel_array(path, index=...)",
    )


def _at_pixels(tag: Any, _vr: str | None, _length: int) -> bool:
    return tag in (0x7FE00010, 0x7FE00009, 0x7FE00008)


def _named(slice_: FileDataset, path: str | None) -> FileDataset:
    """Return a slice that knows which file it is from, and no longer holds its bytes."""
    if path is not None:
        slice_.filename, slice_.buffer, slice_.fileobj_type = path, None, open
        with contextlib.suppress(OSError):  # it may be gone, or the process in another folder
            slice_.timestamp = os.stat(path).st_mtime  # noqa: PTH116
    return slice_
