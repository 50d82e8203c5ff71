"""What slices are held against: dicube 0.3.0, bare reads, and the bare decoder."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import imagecodecs

import dicube_core

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["BareFile", "incumbent_reader", "incumbent_slices"]


def incumbent_reader(path: Path) -> Any:
    """Open a file with dicube 0.3.0."""
    from dicube.dicom.dcb_streaming import DcbStreamingReader

    return DcbStreamingReader(str(path))


def incumbent_slices(reader: Any) -> list[bytes]:
    """Return all its slices.

    Its public method would also start a thread per slice, which would load the neighbours
    meanwhile; this is what it runs to make one slice.
    """
    return [reader._create_dicom_for_frame(index) for index in range(reader.frame_count)]


class BareFile:
    """The codestreams of a file, where they lie and in memory.

    Parameters
    ----------
    path : Path
        A ``.dcbs`` file.
    """

    def __init__(self, path: Path) -> None:
        with dicube_core.open(path) as reader:
            index = reader.container.index
            self._spans = list(zip(index.lengths, index.offsets, strict=True))
            self._codestreams = [reader.codestream(number) for number in range(len(reader))]
        self._descriptor = os.open(path, os.O_RDONLY)

    def read(self) -> None:
        """Read each codestream with ``pread``."""
        for length, offset in self._spans:
            os.pread(self._descriptor, length, offset)

    def decode(self) -> None:
        """Decode each codestream, from memory."""
        for codestream in self._codestreams:
            imagecodecs.htj2k_decode(codestream)

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)
