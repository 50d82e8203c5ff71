"""A lazy view of one ``.dcbs`` file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dicube_core.exceptions import (
    CodecError,
    CodecUnavailableError,
    DataConsistencyError,
    DecodeError,
    InvalidCubeFileError,
)
from dicube_core.reader._places import PlacedFile
from dicube_core.reader._stored_parts import SHOWN

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Sequence
    from typing import BinaryIO

    import numpy.typing as npt

    from dicube_core.codec.base import FrameCodec
    from dicube_core.codec.codestream import CodestreamInfo
    from dicube_core.source import ByteSource

__all__ = ["Reader", "open_file"]

_LONGEST_CODEC_NAME = 150


class Reader(PlacedFile):
    """Header, metadata, geometry and single frames of a ``.dcbs`` file.

    Opening touches no frame. Every byte is compared with its checksum as it is read, where the
    file has checksums (`validated`), and every codestream is checked against the file's own
    description before a decoder sees it. Safe for several threads and after fork; pickles as its
    path. A context manager.

    Parameters
    ----------
    source : path, bytes, seekable binary file, or ByteSource
        Where the file is. What the reader opened itself it closes, and nothing else.

    Raises
    ------
    InvalidCubeFileError
        Not a valid ``.dcbs`` file; the message names the section and byte offset.
    OSError
        The file cannot be opened.
    """

    @property
    def codec_name(self) -> str:
        """Name of the codec that the frames are encoded with."""
        name = self._container.description.get("codec", "htj2k")
        if not isinstance(name, str) or not 0 < len(name) <= _LONGEST_CODEC_NAME:
            raise InvalidCubeFileError(
                f"{self.name}: the pixel header names no codec, but {repr(name)[:SHOWN]}"
            )
        return name

    @property
    def codec(self) -> FrameCodec:
        """The codec that the file names; which one, depends on the limits of the process."""
        from dicube_core.codec.registry import get_codec

        try:
            return get_codec(self.codec_name)
        except CodecError as exc:
            exc.add_place("codec named in the pixel header").add_place(self.name)
            raise

    def codestream(self, index: int) -> bytes:
        """Return one frame as it is stored.

        Raises
        ------
        FrameIndexError
            `index` is outside ``[-frame_count, frame_count)``.
        ChecksumError
            The bytes are damaged; the message names frame and byte offset.
        """
        return self._container.codestream(index)

    def frame(
        self, index: int, level: int = 0, out: npt.NDArray[Any] | None = None
    ) -> npt.NDArray[Any]:
        """Decode one frame to stored values.

        Parameters
        ----------
        index : int
            Position in file order, 0-based; negative values count from the end.
        level : int
            Resolution levels to leave out: the frame is ``ceil(size / 2**level)`` wide.
        out : ndarray of shape (rows, columns), optional
            Filled and returned. C-contiguous, of the stored type.

        Returns
        -------
        ndarray of shape (rows, columns)
            Stored values, before rescale. Freshly allocated unless `out` is given.

        Raises
        ------
        FrameIndexError
            `index` is out of range.
        DecodeError, ChecksumError
            The frame is damaged; the message names it and its byte offset.
        """
        codestream = self._container.codestream(index)
        try:
            return self.codec.decode(codestream, self.pixel_format, out=out, level=level)
        except DecodeError as exc:
            raise self._located(exc, index) from exc

    def inspect(self, index: int, codestream: bytes) -> CodestreamInfo:
        """Check that the codestream of a frame is HTJ2K, and what the file says its frames are.

        No decoder is loaded for that.

        Raises
        ------
        DecodeError
            It is damaged or contradicts the file; the message names frame and byte offset.
        """
        from dicube_core.codec.codestream import check, parse

        try:
            info = parse(codestream)
            check(info, self.pixel_format)
        except DecodeError as exc:
            raise self._located(exc, index) from exc
        return info

    def check_frame(self, index: int, codestream: bytes) -> None:
        """Check a frame as it is stored, without decoding it, as far as its codec can tell.

        Frames of a codec that is not installed here pass: nothing of them is decoded here either.

        Raises
        ------
        DecodeError
            It is damaged or contradicts the file; the message names frame and byte offset.
        """
        if self.codec_name.startswith("htj2k"):
            self.inspect(index, codestream)
            return
        try:
            codec = self.codec
        except CodecUnavailableError:
            return
        try:
            codec.inspect(codestream, self.pixel_format)
        except DecodeError as exc:
            raise self._located(exc, index) from exc

    def _located(self, error: DecodeError, index: int) -> DecodeError:
        number = self._container.frame_number(index)
        offset = self._container.index.offsets[number]
        return DecodeError(
            f"{self.name}: frame {number} at byte {offset}: {error.message}",
            suggestion=error.suggestion,
            details={**error.details, "path": self.name, "frame": number, "offset": offset},
        )

    def frame_numbers(self, frames: Iterable[int] | slice | None = None) -> Sequence[int]:
        """Return the numbers of a choice of frames, as all that give many frames understand it.

        Parameters
        ----------
        frames : range, slice or iterable of int, optional
            Which, in which order; all by default. Negative values count from the end.

        Raises
        ------
        FrameIndexError
            An index is out of range.
        """
        if frames is None:
            return range(self.frame_count)
        if isinstance(frames, slice):
            return range(*frames.indices(self.frame_count))
        return [self._container.frame_number(index) for index in frames]

    def frames(
        self,
        frames: Iterable[int] | slice | None = None,
        out: npt.NDArray[Any] | None = None,
        level: int = 0,
    ) -> npt.NDArray[Any]:
        """Decode many frames on the configured number of threads.

        Parameters
        ----------
        frames : range, slice or iterable of int, optional
            Which, in which order; all by default.
        out : ndarray of shape (n, rows, columns), optional
            Filled and returned.
        level : int
            As in `frame`.

        Returns
        -------
        ndarray of shape (n, rows, columns)
            Stored values.
        """
        import numpy as np

        from dicube_core.frames import run_frames

        chosen = self.frame_numbers(frames)
        plane = (-(-n // (1 << level)) for n in self.pixel_format.shape[:2])
        shape = (len(chosen), *plane, *self.pixel_format.shape[2:])
        if out is None:
            out = np.empty(shape, self.dtype)
        elif out.shape != shape or out.dtype != self.dtype or not out.flags.c_contiguous:
            raise DataConsistencyError(
                f"out has shape {out.shape} and type {out.dtype}; a C-contiguous array of shape "
                f"{shape} and type {self.dtype} is needed"
            )
        target = out
        _ = self.codec, self.pixel_format  # made once, not by every thread

        def decode(position: int, index: int) -> None:
            self.frame(index, level, target[position])

        run_frames(decode, chosen)
        return target

    def __repr__(self) -> str:
        return f"<Reader {self.name!r}, {self.frame_count} frames>"


def open_file(source: str | os.PathLike[str] | bytes | BinaryIO | ByteSource) -> Reader:
    """Open a ``.dcbs`` file for reading; see `Reader`."""
    return Reader(source)
