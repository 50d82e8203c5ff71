"""Where bytes come from: one positional read, the same for files, memory and remote stores."""

from __future__ import annotations

import io
import os
from dataclasses import dataclass
from typing import BinaryIO, Protocol, runtime_checkable

from dicube_core.exceptions import InvalidCubeFileError, ReaderClosedError
from dicube_core.forks import lock_of
from dicube_core.path_source import (
    HAS_PREAD,
    PathSource,
    changed_file,
    content_mark,
    short_read,
)
from dicube_core.unknown import UNKNOWN_SOURCE, first_answer
from dicube_core.urls import is_url, shown

__all__ = [
    "ByteSource",
    "BytesSource",
    "FileObjectSource",
    "PathSource",
    "RemoteByteSource",
    "Requests",
    "open_source",
    "requests_of",
]


@runtime_checkable
class ByteSource(Protocol):
    """What a reader needs of a store: its size, and any range of it.

    Implementations must be safe to call from several threads; a read never depends on an
    earlier one. `close` and `name` are used where they exist.
    """

    def size(self) -> int:
        """Return the number of bytes."""
        ...

    def read_at(self, offset: int, length: int) -> bytes:
        """Return exactly `length` bytes from `offset`.

        Raises
        ------
        TruncatedFileError
            The source ends before.
        """
        ...


@dataclass(frozen=True, slots=True)
class Requests:
    """How a store is read best in which a request takes long, whatever it brings.

    Parameters
    ----------
    front_bytes : int
        Asked for at first. What a reader needs besides frames is in there for series of a few
        hundred slices; for longer ones a second request brings exactly the rest.
    joined_bytes : int
        Ranges that lie side by side are asked for in one request, up to this length.
    gap_bytes : int
        Bytes that nobody asked for which may lie between ranges that are joined.
    at_once : int
        Requests at the same time, and waiting to be used: what is read ahead is bounded by
        ``at_once * joined_bytes``.
    """

    front_bytes: int = 1 << 15
    joined_bytes: int = 2 << 20
    gap_bytes: int = 1 << 13
    at_once: int = 8


@runtime_checkable
class RemoteByteSource(ByteSource, Protocol):
    """A `ByteSource` that says how it is read best: in few requests, several at once.

    Its `read_at` is called from several threads at once for that. It is pickled with readers of
    it, and must then find the same bytes, or raise.
    """

    @property
    def requests(self) -> Requests:
        """How to read it."""
        ...


def requests_of(source: ByteSource) -> Requests | None:
    """Return how a source is read best, None where each range may as well be read by itself."""
    found = getattr(source, "requests", None)
    return found if isinstance(found, Requests) else None


class BytesSource:
    """Bytes in memory."""

    def __init__(self, data: bytes | bytearray | memoryview, name: str = "<bytes>") -> None:
        self.name = name
        self._data = bytes(data)

    def size(self) -> int:
        """Return the number of bytes."""
        return len(self._data)

    def read_at(self, offset: int, length: int) -> bytes:
        """Return exactly `length` bytes from `offset`."""
        data = self._data[offset : offset + length]
        if len(data) != length:
            raise short_read(self.name, offset, length, len(data))
        return data


class FileObjectSource:
    """A seekable binary file that the caller opened, and will close.

    Ordinary files are read with ``pread`` on their descriptor, as long as they are not changed;
    see `PathSource`. Others are read under a lock, one for all sources of the same file object, and
    their position is put back after each read.

    A process that is forked shares the position of the others with its parent. Where they say that
    they have a descriptor (``gzip.open``) it refuses to read them; members of archives do not say
    so, and are to be opened in the process that reads them.
    """

    def __init__(self, file: BinaryIO) -> None:
        self.name = str(getattr(file, "name", "<file object>"))
        self._file = file
        self._lock = lock_of(file)
        self._fd = -1
        # A buffered reader may as well stand before part of a file, such as a member of an archive.
        raw = file.raw if isinstance(file, io.BufferedReader) else file
        if isinstance(raw, io.FileIO) and HAS_PREAD:
            self._fd = raw.fileno()
        position = file.tell()
        file.seek(0, io.SEEK_END)  # mmap and others do not return where that is
        self._size = file.tell()
        file.seek(position)
        self._mark = content_mark(self._fd) if self._fd >= 0 else ()
        self._process = os.getpid() if self._fd < 0 and _has_descriptor(file) else None

    def size(self) -> int:
        """Return the size the file had when the source was made."""
        return self._size

    def read_at(self, offset: int, length: int) -> bytes:
        """Return exactly `length` bytes from `offset`."""
        parts: list[bytes] = []
        total = 0
        while total < length:
            part = self._read_once(offset + total, length - total)
            if not part:
                raise short_read(self.name, offset, length, total)
            parts.append(part)
            total += len(part)
        if self._fd >= 0 and content_mark(self._fd) != self._mark:
            raise changed_file(self.name)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _read_once(self, offset: int, length: int) -> bytes:
        if self._file.closed:
            raise ReaderClosedError(f"{self.name}: the file object was closed by its owner")
        if self._fd >= 0:
            return os.pread(self._fd, length, offset)
        if self._process not in (None, os.getpid()):
            raise InvalidCubeFileError(
                f"{self.name}: the process was forked since the file object was opened, and "
                "shares its position with the other process",
                suggestion="give the path of the file, or open it in each process",
                details={"path": self.name},
            )
        with self._lock:
            position = self._file.tell()
            try:
                self._file.seek(offset)
                return self._file.read(length)
            finally:
                self._file.seek(position)


def _has_descriptor(file: BinaryIO) -> bool:
    try:
        return file.fileno() >= 0
    except (AttributeError, OSError, ValueError):
        return False


def open_source(source: object) -> ByteSource:
    """Make a byte source of a path, bytes, a binary file object or a `ByteSource`.

    Plugins are asked for other objects, and for texts with a scheme (``store://...``).

    Raises
    ------
    TypeError
        `source` is none of these.
    OSError
        The file cannot be opened.
    """
    if is_url(source):
        found = first_answer(UNKNOWN_SOURCE, source)
        if found is not None:
            return _byte_source(found, source)
    if isinstance(source, str | os.PathLike):
        return _path_source(source)
    if isinstance(source, bytes | bytearray | memoryview):
        return BytesSource(source)
    if isinstance(source, ByteSource):
        return source
    if callable(getattr(source, "read", None)) and callable(getattr(source, "seek", None)):
        if isinstance(source, io.TextIOBase):
            raise TypeError("the file must be opened in binary mode ('rb')")
        return FileObjectSource(source)  # type: ignore[arg-type]
    found = first_answer(UNKNOWN_SOURCE, source)
    if found is not None:
        return _byte_source(found, source)
    raise TypeError(
        "expected a path, bytes, a seekable binary file or an object with size() and "
        f"read_at(offset, length), not {type(source).__name__}"
    )


def _path_source(source: str | os.PathLike[str]) -> PathSource:
    try:
        return PathSource(source)
    except OSError as exc:
        if is_url(source):  # of a scheme that nobody knows, such as one with a slip in it
            exc.filename = shown(source)
        raise


def _byte_source(found: object, source: object) -> ByteSource:
    if not isinstance(found, ByteSource):
        raise TypeError(
            f"a plugin opened {shown(source)!r} as {type(found).__name__}, no ByteSource"
        )
    return found
