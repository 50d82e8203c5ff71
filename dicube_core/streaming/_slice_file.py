"""One slice as a binary file."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from dicube_core.streaming._reader import DcbStreamingReader

if TYPE_CHECKING:
    import os
    from typing import BinaryIO, Never

    from dicube_core.source import ByteSource

__all__ = ["open_dicom"]


def open_dicom(
    path: str | os.PathLike[str] | bytes | BinaryIO | ByteSource,
    frame: int,
    transfer_syntax: str | None = None,
) -> BinaryIO:
    """Open one slice as a read-only binary file, for anything that takes a file object.

    Parameters
    ----------
    path : path, bytes, seekable binary file, or ByteSource
        The ``.dcbs`` file.
    frame : int
        Slice, 0-based; negative values count from the end.
    transfer_syntax : str, optional
        As in `DcbStreamingReader.get_dicom_for_frame`.

    Returns
    -------
    binary file
        Seekable, in memory: the slice is complete and the file is closed already.

    Raises
    ------
    DicomCubeError, OSError
        As `DcbStreamingReader`.
    """
    with DcbStreamingReader(path, cache_size=0) as reader:
        if -reader.frame_count <= frame < 0:
            frame += reader.frame_count
        data = reader.get_dicom_for_frame(frame, transfer_syntax=transfer_syntax)
    return _SliceFile(data)


class _SliceFile(io.BytesIO):
    """One slice, to be read only. pydicom takes no `io.BufferedReader` without a name."""

    def writable(self) -> bool:
        return False

    def write(self, *_: object) -> Never:
        raise io.UnsupportedOperation("not writable")

    writelines = truncate = write
