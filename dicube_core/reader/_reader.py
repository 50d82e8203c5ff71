"""A lazy view of one ``.dcbs`` file."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

from dicube_core.exceptions import (
    CodecError,
    CodecUnavailableError,
    DataConsistencyError,
    DecodeError,
    InvalidCubeFileError,
)
from dicube_core.lazy import lazy
from dicube_core.reader._places import PlacedFile
from dicube_core.reader._stored_parts import SHOWN
from dicube_core.shown import Shown

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Sequence
    from contextlib import AbstractContextManager
    from typing import BinaryIO

    import numpy.typing as npt

    from dicube_core.codec.base import FrameCodec
    from dicube_core.codec.codestream import CodestreamInfo
    from dicube_core.source import ByteSource

__all__ = ["Reader", "open_file"]

_LONGEST_CODEC_NAME = 150
#: Pixels of frames that one thread decodes as fast as several.
_FOR_ONE_THREAD = 1 << 13


class Reader(Shown, PlacedFile):
    """Header, metadata, geometry and single frames of a ``.dcbs`` file.

    Opening touches no frame. Every byte is compared with its checksum as it is read, where the
    file has checksums (`validated`), and every codestream is checked against the file's own
    description before a decoder sees it. Safe for several threads and after fork; pickles as its
    path or address, where another file is refused then. A context manager.

    Parameters
    ----------
    source : path, bytes, seekable binary file, address, or ByteSource
        Where the file is. Addresses are texts such as ``https://...`` or ``s3://...``, which
        plugins open. What the reader opened itself it closes, and nothing else.

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
            Resolution levels to leave out: the frame is ``ceil(size / 2**level)`` wide. Indices of
            palettes, words with something else in spare bits, and values of more than 29 bits
            are not averaged. Of files that were written with `progressive` no more is read than
            this takes.
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
        codestream = self._needed(index, level) if level else self._container.codestream(index)
        return self.decode(index, codestream, level, out)

    def decode(
        self, index: int, codestream: bytes, level: int = 0, out: npt.NDArray[Any] | None = None
    ) -> npt.NDArray[Any]:
        """Decode the codestream of a frame, as `frame` does; for who has read it already."""
        try:
            return self.codec.decode(codestream, self.pixel_format, out=out, level=level)
        except DecodeError as exc:
            raise self._located(exc, index) from exc

    def _needed(self, index: int, level: int) -> bytes:
        """Return a codestream that decodes to a lower resolution: no more than is needed for it."""
        prefix = self._container.prefix(index, level)
        if prefix is None:
            return self._container.codestream(index)
        from dicube_core.codec.resolutions import completed

        length = self._container.index.lengths[self._container.frame_number(index)]
        try:
            whole = completed(prefix, level, length, self.pixel_format)
        except DecodeError as exc:
            raise self._located(exc, index) from exc
        return self._container.codestream(index) if whole is None else whole

    @lazy
    def levels(self) -> int:
        """How often the resolution of the first frame can be halved; 0 for other codecs than HTJ2K.

        Raises
        ------
        DecodeError, ChecksumError
            That frame is damaged.
        """
        if not self.codec_name.startswith("htj2k"):
            return 0
        table = self._container.resolutions
        for level in range(0 if table is None else table.levels, 0, -1):
            prefix = self._container.prefix(0, level)
            if prefix is not None:
                from dicube_core.codec.resolutions import levels_of

                try:
                    return levels_of(prefix)
                except DecodeError as exc:
                    raise self._located(exc, 0) from exc
        return self.inspect(0, self.codestream(0)).levels

    def check_resolutions(self, index: int, codestream: bytes) -> None:
        """Check that what the file says of the resolutions of a frame is so, by decoding each.

        Parameters
        ----------
        index : int
            The frame.
        codestream : bytes
            Of it, as it is stored.

        Raises
        ------
        InvalidCubeFileError, DecodeError
            It is not; the message names the frame.
        """
        import numpy as np

        from dicube_core.codec.resolutions import completed

        for level, prefix in enumerate(self._container.prefixes(index, codestream), 1):
            try:
                part = completed(
                    codestream[: prefix.length], level, len(codestream), self.pixel_format
                )
            except DecodeError as exc:
                raise self._located(exc, index) from exc
            if part is None:
                continue  # the whole frame is read
            found = self.decode(index, part, level)
            if not np.array_equal(found, self.decode(index, codestream, level)):
                raise InvalidCubeFileError(
                    f"{self.name}: extension part RESL: resolution {level} of frame {index} is "
                    "not that of the frame",
                    suggestion="the file was tampered with; restore it from its source",
                    details={"path": self.name, "frame": index},
                )

    def reading_ahead(
        self, frames: Iterable[int] | slice | None = None, level: int = 0
    ) -> AbstractContextManager[None]:
        """Read frames before they are asked for, where the file is in a store and each takes long.

        Within the context, those that are near each other come in one request, several requests
        are made at once, and what is waiting to be used is bounded (see
        `dicube_core.source.Requests`). Files on disk are read as without. `frames` does so itself.

        Parameters
        ----------
        frames : range, slice or iterable of int, optional
            Which will be asked for, in this order; all by default.
        level : int
            In which resolution; see `frame`.
        """
        return self._container.reading_ahead(self.frame_numbers(frames), level)

    def inspect(self, index: int, codestream: bytes) -> CodestreamInfo:
        """Check that the codestream of a frame is HTJ2K, and what the file says its frames are.

        No decoder is loaded for that.

        Raises
        ------
        DecodeError
            It is damaged or contradicts the file; the message names frame and byte offset.
        """
        from dicube_core.codec.codestream import inspected

        try:
            return inspected(codestream, self.pixel_format)
        except DecodeError as exc:
            raise self._located(exc, index) from exc

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

        if level < 0:
            raise DataConsistencyError(f"a resolution is halved 0 times or more, not {level}")
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

        # Threads that wait for each other's turn in the interpreter take longer for small frames.
        n_threads = 1 if prod(shape[1:3]) <= _FOR_ONE_THREAD else None
        with self._container.reading_ahead(chosen, level):
            run_frames(decode, chosen, n_threads)
        return target

    def __repr__(self) -> str:
        return f"<Reader {self.name!r}, {self.frame_count} frames>"


def open_file(source: str | os.PathLike[str] | bytes | BinaryIO | ByteSource) -> Reader:
    """Open a ``.dcbs`` file for reading; see `Reader`."""
    return Reader(source)
