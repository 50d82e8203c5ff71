"""Where bytes come from: one positional read, the same for files, memory and remote stores."""

from __future__ import annotations

import contextlib
import io
import os
import stat
import threading
from typing import Any, BinaryIO, Protocol, runtime_checkable

from dicube_core.exceptions import InvalidCubeFileError, ReaderClosedError, TruncatedFileError

_HAS_PREAD = hasattr(os, "pread")

__all__ = ["ByteSource", "BytesSource", "FileObjectSource", "PathSource", "open_source"]


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


def _short(name: str, offset: int, length: int, found: int) -> TruncatedFileError:
    return TruncatedFileError(
        f"{name}: {length} bytes expected at byte {offset}, only {found} could be read",
        suggestion="the file was cut or changed while open; restore it from its source",
        details={"path": name, "offset": offset},
    )


def _require_regular(mode: int, name: str) -> None:
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(21, "a .dcbs file is expected, not a folder", name)
    if not stat.S_ISREG(mode):
        raise InvalidCubeFileError(
            f"{name}: not a regular file",
            suggestion="copy the bytes to a file first",
            details={"path": name},
        )


class PathSource:
    """A regular file on an own descriptor, read with ``pread``.

    No file position is shared, so threads and forked processes may read at the same time.
    Pickles as its path.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.name = os.fspath(path)
        # O_NONBLOCK: opening a FIFO must not hang; it is refused below.
        flags = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NONBLOCK", 0)
        flags |= getattr(os, "O_BINARY", 0)
        self._fd = os.open(self.name, flags)
        try:
            status = os.fstat(self._fd)
            _require_regular(status.st_mode, self.name)
        except BaseException:
            self.close()
            raise
        self._size = status.st_size
        self._lock = threading.Lock()

    def size(self) -> int:
        """Return the size the file had when it was opened."""
        return self._size

    def read_at(self, offset: int, length: int) -> bytes:
        """Return exactly `length` bytes from `offset`."""
        fd = self._fd
        if fd < 0:
            raise ReaderClosedError(f"{self.name}: the file was closed")
        data = self._pread(fd, length, offset)
        if len(data) == length:
            return data
        parts = [data]  # a signal or a network file system may cut one read short
        total = len(data)
        while total < length and parts[-1]:
            parts.append(self._pread(fd, length - total, offset + total))
            total += len(parts[-1])
        if total != length:
            raise _short(self.name, offset, length, total)
        return b"".join(parts)

    def _pread(self, fd: int, length: int, offset: int) -> bytes:
        if _HAS_PREAD:
            return os.pread(fd, length, offset)
        with self._lock:  # pragma: no cover - platforms without positional reads
            os.lseek(fd, offset, os.SEEK_SET)
            return os.read(fd, length)

    def close(self) -> None:
        """Close the descriptor; may be called again."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    def __del__(self) -> None:
        with contextlib.suppress(AttributeError, OSError):
            self.close()

    def __reduce__(self) -> tuple[Any, ...]:
        return PathSource, (os.path.abspath(self.name),)  # noqa: PTH100 - also for str subclasses


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
            raise _short(self.name, offset, length, len(data))
        return data


class FileObjectSource:
    """A seekable binary file that the caller opened, and will close.

    Ordinary files are read with ``pread`` on their descriptor. Others are read under a lock and
    their position is put back after each read.
    """

    def __init__(self, file: BinaryIO) -> None:
        self.name = str(getattr(file, "name", "<file object>"))
        self._file = file
        self._lock = threading.Lock()
        self._fd = -1
        if isinstance(file, io.BufferedReader | io.FileIO) and _HAS_PREAD:
            self._fd = file.fileno()
        position = file.tell()
        self._size = file.seek(0, io.SEEK_END)
        file.seek(position)

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
                raise _short(self.name, offset, length, total)
            parts.append(part)
            total += len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _read_once(self, offset: int, length: int) -> bytes:
        if self._file.closed:
            raise ReaderClosedError(f"{self.name}: the file object was closed by its owner")
        if self._fd >= 0:
            return os.pread(self._fd, length, offset)
        with self._lock:
            position = self._file.tell()
            try:
                self._file.seek(offset)
                return self._file.read(length)
            finally:
                self._file.seek(position)


def open_source(source: object) -> ByteSource:
    """Make a byte source of a path, bytes, a binary file object or a `ByteSource`.

    Raises
    ------
    TypeError
        `source` is none of these.
    OSError
        The file cannot be opened.
    """
    if isinstance(source, str | os.PathLike):
        return PathSource(source)
    if isinstance(source, bytes | bytearray | memoryview):
        return BytesSource(source)
    if isinstance(source, ByteSource):
        return source
    if callable(getattr(source, "read", None)) and callable(getattr(source, "seek", None)):
        if isinstance(source, io.TextIOBase):
            raise TypeError("the file must be opened in binary mode ('rb')")
        return FileObjectSource(source)  # type: ignore[arg-type]
    raise TypeError(
        "expected a path, bytes, a seekable binary file or an object with size() and "
        f"read_at(offset, length), not {type(source).__name__}"
    )
