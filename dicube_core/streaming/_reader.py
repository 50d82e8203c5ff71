"""DICOM slices on demand from one ``.dcbs`` file, for servers and viewers."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from dicube_core.dataset import uids
from dicube_core.exceptions import (
    DicomCubeError,
    FrameIndexError,
    ReaderClosedError,
    StreamingError,
)
from dicube_core.reader import Reader
from dicube_core.settings import get_num_threads
from dicube_core.slice_cache import SliceCache
from dicube_core.slices import SliceProvider
from dicube_core.source import requests_of
from dicube_core.streaming._errors import SliceErrors
from dicube_core.streaming._look_ahead import LookAhead

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator
    from typing import BinaryIO, Self

    from dicube_core.source import ByteSource

    Source = str | os.PathLike[str] | bytes | BinaryIO | ByteSource

__all__ = ["DcbStreamingReader"]

_CACHE_BYTES = 256 << 20
_ENCAPSULATED = frozenset((uids.HTJ2K_LOSSLESS, uids.HTJ2K_LOSSLESS_RPCL))


class DcbStreamingReader:
    """Slices as DICOM files, made when asked for. Safe for several threads and after fork.

    HTJ2K slices are put together from stored bytes each time, which takes some ten microseconds.
    Slices that must be decoded, and all of a file in a store where a request takes long, are
    cached, and made ahead of the direction in which they are asked for, on a few threads that end
    when there is nothing to do, and with `close`.

    Parameters
    ----------
    dcb_file_path : path, bytes, seekable binary file, address, or ByteSource
        The file.
    chunk_size : int
        Slices to make ahead.
    cache_size : int
        Slices to keep, least recently used dropped first.
    force_uncompressed : bool
        Deliver uncompressed slices unless a call says otherwise.
    cache_bytes : int
        Bytes of slices to keep at most.

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
        requests = requests_of(self._reader.container.source)
        self._far = requests is not None
        n_threads = min(4, get_num_threads()) if requests is None else requests.at_once
        self._cache: SliceCache[tuple[int, str | None]] = SliceCache(
            # Without a syntax, as it is stored; empty where it cannot be delivered so.
            lambda key: (
                slices.encoded(key[0]) or b"" if key[1] is None else slices.native(key[0], key[1])
            ),
            max_items=self.cache_size,
            max_bytes=self._cache_bytes,
            n_threads=max(1, n_threads),
        )
        self._frame_count = self._reader.frame_count
        self._ahead = LookAhead(self._frame_count)
        self._last_access = time.time()
        self._closed = False

    @property
    def frame_count(self) -> int:
        """Number of slices."""
        return self._frame_count

    @property
    def transfer_syntax_uid(self) -> str:
        """Transfer syntax in which slices come unless another is asked for."""
        slices = self._slices
        with SliceErrors(0, self._reader.name):
            return slices.native_syntax(0) if self.force_uncompressed else slices.default_syntax(0)

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
        except (DicomCubeError, OSError):
            # In here, as entering a block takes a fifth of the time of putting a slice together.
            with SliceErrors(frame_index, self._reader.name):
                raise

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
        self._require_open()
        self._last_access = time.time()
        if instance < 0:
            raise FrameIndexError(
                f"{self._reader.name}: instance {instance} is out of range",
                details={"path": self._reader.name},
            )
        with SliceErrors(instance, self._reader.name):
            return self._slices.whole_instance(instance, transfer_syntax or uids.EXPLICIT_LE)

    def _deliver(self, index: int, plain: bool, syntax: str | None) -> bytes:
        if syntax in _ENCAPSULATED or (syntax and syntax == self._slices.kept_syntax):
            return self._slices.instance(index, syntax)
        if syntax is None and not plain:
            packed = self._kept(index, None) if self._far else self._slices.encoded(index)
            if packed:
                return packed
        return self._kept(index, self._slices.native_syntax(index) if syntax is None else syntax)

    def _kept(self, index: int, chosen: str | None) -> bytes:
        """Return a slice from the cache, and have those made that may be asked for next."""
        data = self._cache.get((index, chosen))
        # Never so many that they push each other out before they are used.
        room = min(self.cache_size, self._cache_bytes // max(1, len(data))) - 2
        wanted = self._ahead.after(index, min(self.chunk_size, room))
        if wanted:
            self._cache.preload((i, chosen) for i in wanted)
        return data

    def _require_open(self) -> None:
        if self._closed:
            raise ReaderClosedError(f"{self._reader.name}: the reader was closed")

    def _check(self, frame_index: int) -> None:
        self._require_open()
        if not 0 <= frame_index < self._frame_count:
            raise FrameIndexError(
                f"{self._reader.name}: frame {frame_index} is out of range, the file has "
                f"{self.frame_count}",
                details={"path": self._reader.name, "frame": frame_index},
            )

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
        with self._reader.reading_ahead():
            for index in range(self.frame_count):
                yield self.get_dicom_for_frame(index)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()
