"""DICOM slices on demand from one ``.dcbs`` file, for servers and viewers."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from dicube_core.exceptions import (
    DicomCubeError,
    FrameIndexError,
    ReaderClosedError,
    StreamingError,
)
from dicube_core.reader import Reader
from dicube_core.slices import SliceProvider

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator
    from typing import BinaryIO, Self

    from dicube_core.source import ByteSource

__all__ = ["DcbStreamingReader"]


class DcbStreamingReader:
    """Slices as DICOM files, with a cache of the last ones. Safe for several threads.

    Parameters
    ----------
    dcb_file_path : path, bytes, seekable binary file, or ByteSource
        The file.
    chunk_size : int
        Kept for compatibility: nothing is read ahead of a request yet.
    cache_size : int
        Slices to keep, least recently used dropped first.
    force_uncompressed : bool
        Deliver uncompressed slices unless a call says otherwise.

    Raises
    ------
    StreamingError
        The file is not valid (a `RuntimeError`; its cause says why).
    OSError
        The file cannot be opened.
    """

    def __init__(
        self,
        dcb_file_path: str | os.PathLike[str] | bytes | BinaryIO | ByteSource,
        chunk_size: int = 10,
        cache_size: int = 50,
        force_uncompressed: bool = False,
    ) -> None:
        try:
            self._reader = Reader(dcb_file_path)
        except DicomCubeError as exc:
            raise StreamingError(exc.message, suggestion=exc.suggestion) from exc
        self._slices = SliceProvider(self._reader)
        self.chunk_size = max(1, chunk_size)
        self.cache_size = max(0, cache_size)
        self.force_uncompressed = force_uncompressed
        self._lock = threading.Lock()
        self._cache: OrderedDict[tuple[int, bool], bytes] = OrderedDict()
        self._last_access = time.time()
        self._closed = False

    @property
    def frame_count(self) -> int:
        """Number of slices."""
        return self._reader.frame_count

    @property
    def transfer_syntax_uid(self) -> str:
        """Transfer syntax that is delivered unless uncompressed slices are asked for."""
        return self._slices.default_syntax

    def get_frame_count(self) -> int:
        """Return the number of slices."""
        return self.frame_count

    def get_dicom_for_frame(
        self, frame_index: int, force_uncompressed: bool | None = None
    ) -> bytes:
        """Return one slice as a complete DICOM file.

        Parameters
        ----------
        frame_index : int
            0-based; negative values are out of range, as in the interface stood in for.
        force_uncompressed : bool, optional
            Overrides the reader's own setting for this call.

        Returns
        -------
        bytes
            The same for the same file, frame and form, on every call. Uncompressed: the original
            file, where its source was uncompressed little endian.

        Raises
        ------
        FrameIndexError
            Out of range (an `IndexError`).
        ReaderClosedError
            After `close`.
        StreamingError
            The slice cannot be read (a `RuntimeError`). Never answered by another form.
        """
        if self._closed:
            raise ReaderClosedError(f"{self._reader.name}: the reader was closed")
        if not 0 <= frame_index < self.frame_count:
            raise FrameIndexError(
                f"frame {frame_index} is out of range, the file has {self.frame_count}",
                details={"frame": frame_index},
            )
        plain = self.force_uncompressed if force_uncompressed is None else force_uncompressed
        key = (frame_index, bool(plain))
        with self._lock:
            self._last_access = time.time()
            if key in self._cache:
                self._cache.move_to_end(key)
                return self._cache[key]
        try:
            data = self._slices.instance(frame_index, uncompressed=key[1])
        except DicomCubeError as exc:
            raise StreamingError(
                f"slice {frame_index}: {exc.message}",
                suggestion=exc.suggestion,
                details={**exc.details, "frame": frame_index},
            ) from exc
        with self._lock:
            self._cache[key] = data
            while len(self._cache) > self.cache_size:
                self._cache.popitem(last=False)
        return data

    def get_metadata(self) -> dict[str, Any]:
        """Return facts about the file, and the cache's."""
        container = self._reader.container
        return {
            "frame_count": self.frame_count,
            "pixel_header": self._reader.pixel_header.to_dict(),
            "has_dicom_meta": container.header.dicom_meta.length > 0,
            "has_space": container.header.space.length > 0,
            "transfer_syntax": self.transfer_syntax_uid,
            "file_type": "DcbSFile",
            "cache_stats": self.get_cache_stats(),
        }

    def get_cache_stats(self) -> dict[str, Any]:
        """Return the state of the cache."""
        with self._lock:
            return {
                "cached_frames": len(self._cache),
                "loading_frames": 0,
                "cache_size_limit": self.cache_size,
                "chunk_size": self.chunk_size,
                "last_access": self._last_access,
            }

    def clear_cache(self) -> None:
        """Drop all cached slices."""
        with self._lock:
            self._cache.clear()

    def close(self) -> None:
        """Close the file and drop the cache; may be called again."""
        self._closed = True
        self.clear_cache()
        self._reader.close()

    def __len__(self) -> int:
        return self.frame_count

    def __iter__(self) -> Iterator[bytes]:
        return (self.get_dicom_for_frame(index) for index in range(self.frame_count))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()
