"""DICOM slices on demand from one ``.dcbs`` file, for servers and viewers."""

from __future__ import annotations

import io
import time
from typing import TYPE_CHECKING, Any

from dicube_core.dataset import uids
from dicube_core.exceptions import (
    DicomCubeError,
    FrameIndexError,
    ReaderClosedError,
    StreamingError,
    TransferSyntaxError,
)
from dicube_core.reader import Reader
from dicube_core.settings import get_num_threads
from dicube_core.slice_cache import SliceCache
from dicube_core.slices import SliceProvider

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator
    from typing import BinaryIO, Never, Self

    from dicube_core.source import ByteSource

    Source = str | os.PathLike[str] | bytes | BinaryIO | ByteSource

__all__ = ["DcbStreamingReader", "open_dicom"]

_CACHE_BYTES = 256 << 20
_ENCAPSULATED = frozenset((uids.HTJ2K_LOSSLESS, uids.HTJ2K_LOSSLESS_RPCL))
#: Requests that lie at most so many slices apart have a direction; others are jumps.
_STRIDE = 2
#: Errors that reach the caller as they are.
_DOCUMENTED = (StreamingError, TransferSyntaxError, FrameIndexError)


class DcbStreamingReader:
    """Slices as DICOM files, made when asked for. Safe for several threads and after fork.

    HTJ2K slices are put together from stored bytes each time, which takes some ten microseconds.
    Slices that must be decoded are cached, and decoded ahead of the direction in which they are
    asked for, on a few threads that end when there is nothing to do, and with `close`.

    Parameters
    ----------
    dcb_file_path : path, bytes, seekable binary file, or ByteSource
        The file.
    chunk_size : int
        Slices to decode ahead.
    cache_size : int
        Decoded slices to keep, least recently used dropped first.
    force_uncompressed : bool
        Deliver uncompressed slices unless a call says otherwise.
    cache_bytes : int
        Bytes of decoded slices to keep at most.

    Raises
    ------
    StreamingError
        The file is not valid (a `RuntimeError`; its cause says why).
    OSError
        The file cannot be opened.
    """

    def __init__(
        self,
        dcb_file_path: Source,
        chunk_size: int = 10,
        cache_size: int = 50,
        force_uncompressed: bool = False,
        *,
        cache_bytes: int = _CACHE_BYTES,
    ) -> None:
        try:
            self._reader = Reader(dcb_file_path)
        except DicomCubeError as exc:
            raise StreamingError(exc.message, suggestion=exc.suggestion) from exc
        self._slices = slices = SliceProvider(self._reader)
        self.chunk_size = max(1, chunk_size)
        self.cache_size = max(0, cache_size)
        self.force_uncompressed = force_uncompressed
        self._cache_bytes = max(0, cache_bytes)
        self._cache: SliceCache[tuple[int, str]] = SliceCache(
            lambda key: slices.native(*key),
            max_items=self.cache_size,
            max_bytes=self._cache_bytes,
            n_threads=max(1, min(4, get_num_threads())),
        )
        self._last_frame: int | None = None
        self._direction = 0
        self._last_access = time.time()
        self._closed = False

    @property
    def frame_count(self) -> int:
        """Number of slices."""
        return self._reader.frame_count

    @property
    def transfer_syntax_uid(self) -> str:
        """Transfer syntax in which slices come unless another is asked for."""
        slices = self._slices
        try:
            return slices.native_syntax(0) if self.force_uncompressed else slices.default_syntax(0)
        except (DicomCubeError, OSError) as exc:
            if isinstance(exc, _DOCUMENTED):
                raise
            raise _told(exc, 0, self._reader.name) from exc

    @property
    def slices(self) -> SliceProvider:
        """The source of the slices, without the cache."""
        return self._slices

    def get_frame_count(self) -> int:
        """Return the number of slices."""
        return self.frame_count

    def get_dicom_for_frame(
        self,
        frame_index: int,
        force_uncompressed: bool | None = None,
        transfer_syntax: str | None = None,
    ) -> bytes:
        """Return one slice as a complete DICOM file.

        Parameters
        ----------
        frame_index : int
            0-based; negative values are out of range, as in the interface stood in for.
        force_uncompressed : bool, optional
            Overrides the reader's own setting: the source's own uncompressed encoding, else
            Explicit VR Little Endian.
        transfer_syntax : str, optional
            UID of the transfer syntax to deliver; goes before both. One of
            `dicube_core.slices.OFFERED_SYNTAXES`.

        Returns
        -------
        bytes
            The same for the same file, frame and transfer syntax, on every call. In the source's
            own uncompressed syntax it is the source file.

        Raises
        ------
        FrameIndexError
            Out of range (an `IndexError`).
        ReaderClosedError
            After `close`.
        TransferSyntaxError
            The transfer syntax is not offered, or the frame does not meet its constraints.
        StreamingError
            The slice cannot be read (a `RuntimeError`). Never answered in another form.
        """
        self._check(frame_index)
        self._last_access = time.time()
        plain = self.force_uncompressed if force_uncompressed is None else force_uncompressed
        try:
            return self._deliver(frame_index, plain, transfer_syntax)
        except (DicomCubeError, OSError) as exc:
            if isinstance(exc, _DOCUMENTED):
                raise
            raise _told(exc, frame_index, self._reader.name) from exc

    def get_instance(self, instance: int = 0, transfer_syntax: str | None = None) -> bytes:
        """Return a whole source instance with all its frames as one DICOM file.

        Parameters
        ----------
        instance : int
            0-based, in the order of `Reader.instance_headers`. Where each source has one frame
            it is the frame.
        transfer_syntax : str, optional
            Explicit VR Little Endian by default; else one of
            `dicube_core.slices.OFFERED_SYNTAXES`. HTJ2K has one fragment per frame, and a Basic
            Offset Table.

        Raises
        ------
        FrameIndexError, ReaderClosedError, TransferSyntaxError, StreamingError
            As `get_dicom_for_frame`.
        """
        if self._closed:
            raise ReaderClosedError(f"{self._reader.name}: the reader was closed")
        self._last_access = time.time()
        try:
            if instance < 0:
                raise FrameIndexError(
                    f"{self._reader.name}: instance {instance} is out of range",
                    details={"path": self._reader.name},
                )
            return self._slices.whole_instance(instance, transfer_syntax or uids.EXPLICIT_LE)
        except (DicomCubeError, OSError) as exc:
            if isinstance(exc, _DOCUMENTED):
                raise
            raise _told(exc, instance, self._reader.name) from exc

    def _deliver(self, index: int, plain: bool, syntax: str | None) -> bytes:
        if syntax in _ENCAPSULATED or (syntax and syntax == self._slices.kept_syntax):
            return self._slices.instance(index, syntax)
        if syntax is None and not plain:
            packed = self._slices.encoded(index)
            if packed is not None:
                return packed
        chosen = self._slices.native_syntax(index) if syntax is None else syntax
        data = self._cache.get((index, chosen))
        self._look_ahead(index, chosen, len(data))
        return data

    def _check(self, frame_index: int) -> None:
        if self._closed:
            raise ReaderClosedError(f"{self._reader.name}: the reader was closed")
        if not 0 <= frame_index < self.frame_count:
            raise FrameIndexError(
                f"{self._reader.name}: frame {frame_index} is out of range, the file has "
                f"{self.frame_count}",
                details={"path": self._reader.name, "frame": frame_index},
            )

    def _look_ahead(self, index: int, syntax: str, n_bytes: int) -> None:
        """Decode the slices around, and those that come next if the direction stays the same.

        Nothing is decoded ahead of jumps: nobody knows where the next one goes.
        """
        last, self._last_frame = self._last_frame, index
        step = 0 if last is None else index - last
        if step:
            self._direction = 0 if abs(step) > _STRIDE else 1 if step > 0 else -1
        # Never so many that they push each other out before they are used.
        room = min(self.cache_size, self._cache_bytes // max(1, n_bytes)) - 2
        direction = self._direction  # other threads ask as well, and change it
        if not direction or room < 1:
            return
        ahead = (index + direction * n for n in range(1, min(self.chunk_size, room) + 1))
        wanted = (*ahead, index - direction)
        self._cache.preload((i, syntax) for i in wanted if 0 <= i < self.frame_count)

    def get_metadata(self) -> dict[str, Any]:
        """Return facts about the file, and the cache's."""
        header = self._reader.container.header
        return {
            "frame_count": self.frame_count,
            "pixel_header": self._reader.pixel_header.to_dict(),
            "has_dicom_meta": header.dicom_meta.length > 0,
            "has_space": header.space.length > 0,
            "transfer_syntax": self.transfer_syntax_uid,
            "file_type": "DcbSFile",
            "cache_stats": self.get_cache_stats(),
        }

    def get_cache_stats(self) -> dict[str, Any]:
        """Return the state of the cache of decoded slices.

        Returns
        -------
        dict
            ``cached_frames``, ``loading_frames``, ``cache_size_limit``, ``chunk_size``,
            ``last_access`` (seconds since the epoch), ``bytes_held``, and the counters of
            `dicube_core.slice_cache.CacheCounts`.
        """
        return {
            "cached_frames": len(self._cache),
            "loading_frames": self._cache.n_flying,
            "cache_size_limit": self.cache_size,
            "chunk_size": self.chunk_size,
            "last_access": self._last_access,
            "bytes_held": self._cache.n_bytes,
            **vars(self._cache.counts),
        }

    def clear_cache(self) -> None:
        """Drop all cached slices."""
        self._cache.clear()

    def close(self) -> None:
        """Close the file, drop the cache and end its threads; may be called again."""
        self._closed = True
        self._cache.close()
        self._reader.close()

    def __len__(self) -> int:
        return self.frame_count

    def __iter__(self) -> Iterator[bytes]:
        return (self.get_dicom_for_frame(index) for index in range(self.frame_count))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def open_dicom(path: Source, frame: int, transfer_syntax: str | None = None) -> BinaryIO:
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


def _told(error: DicomCubeError | OSError, index: int, name: str) -> StreamingError:
    """Return the error of a slice that cannot be read. Raise it at once, and keep it nowhere."""
    if isinstance(error, OSError):
        return StreamingError(
            f"slice {index} cannot be read: {error}", details={"frame": index}
        ).add_place(name)
    return StreamingError(
        f"slice {index}: {error.message}",
        suggestion=error.suggestion,
        details={**error.details, "frame": index},
    ).add_place(name)
