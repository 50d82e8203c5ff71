"""Files on disk as byte sources, on a bounded number of descriptors."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import threading
import weakref
from collections import OrderedDict
from typing import Any

from dicube_core.exceptions import InvalidCubeFileError, ReaderClosedError, TruncatedFileError

try:
    import resource
except ImportError:  # pragma: no cover - platforms without such limits
    resource = None  # type: ignore[assignment]

__all__ = [
    "HAS_PREAD",
    "PathSource",
    "changed_file",
    "content_mark",
    "replaced_file",
    "require_regular",
    "short_read",
]

HAS_PREAD = hasattr(os, "pread")
#: Descriptors that all sources of a process keep open together, or a quarter of what the process
#: may have, if that is less. More sources may exist: those not used for longest give theirs up,
#: and take a new one when they are read again.
MAX_DESCRIPTORS = 128
_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def _allowed() -> int:
    soft = -1 if resource is None else resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return MAX_DESCRIPTORS if soft < 0 else min(MAX_DESCRIPTORS, max(1, soft // 4))


def short_read(name: str, offset: int, length: int, found: int) -> TruncatedFileError:
    """Return the error of a source that ends too early."""
    return TruncatedFileError(
        f"{name}: {length} bytes expected at byte {offset}, only {found} could be read",
        suggestion="the file was cut or changed while open; restore it from its source",
        details={"path": name, "offset": offset},
    )


def content_mark(fd: int) -> tuple[int, int]:
    """Return what changes with the content of an open file: size, time of the last change."""
    status = os.fstat(fd)
    return status.st_size, status.st_mtime_ns


def changed_file(name: str) -> InvalidCubeFileError:
    """Return the error of a file that is written to while it is open."""
    return InvalidCubeFileError(
        f"{name}: the file was changed in place since it was opened",
        suggestion="open it again; write a new file and move it over the old one instead",
        details={"path": name},
    )


def replaced_file(name: str) -> InvalidCubeFileError:
    """Return the error of a file that is another one where it is opened again."""
    return InvalidCubeFileError(
        f"{name}: another file has this name since it was opened",
        suggestion="open it again",
        details={"path": name},
    )


class _Pool:
    """The sources that hold a descriptor, least recently used first."""

    def __init__(self) -> None:
        self.sources: OrderedDict[int, weakref.ref[PathSource]] = OrderedDict()
        self.reset()
        if hasattr(os, "register_at_fork"):
            # Another thread of the parent may have held the lock.
            os.register_at_fork(after_in_child=self.reset)

    def reset(self) -> None:
        # Re-entrant: a source may be collected, and so closed, while the lock is held.
        self.lock = threading.RLock()
        for reference in self.sources.values():
            source = reference()
            if source is not None:
                source.forget_readers()  # threads of the parent

    def make_room(self, limit: int) -> None:
        """Close idle descriptors until less than `limit` are open."""
        for key, reference in list(self.sources.items()):
            if len(self.sources) < limit:
                return
            source = reference()
            if source is None:
                self.sources.pop(key, None)
            else:
                source.rest()


_pool = _Pool()


class PathSource:
    """A regular file as it is when it is opened, read with ``pread``.

    No file position is shared, so threads and forked processes may read at the same time.
    Pickles as its path. The file may be renamed, deleted or replaced by another while it is open.
    One that is written to, cut, or given another time of change is not read any more: parts of
    two contents could be taken for one. The system tells a change by size and time (of a
    resolution that it chooses, at most some milliseconds).

    Raises
    ------
    InvalidCubeFileError
        Not a regular file (a FIFO or device), or, when read, changed, or another file than was
        opened.
    OSError
        It cannot be opened.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.name = os.fspath(path)
        # It may be opened again after the process has changed its folder.
        self._path = os.path.abspath(self.name)  # noqa: PTH100 - keeps links as they are
        self._fd = -1
        self._readers = 0
        self._closed = False
        self._seek_lock = threading.Lock()
        self._identity: tuple[int, ...] = ()
        with _pool.lock:
            self._open()

    def _open(self) -> None:
        """Take a descriptor; the pool's lock is held."""
        _pool.make_room(_allowed())
        try:
            fd = self._descriptor()
        except OSError as exc:
            if exc.errno not in (errno.EMFILE, errno.ENFILE):
                raise
            _pool.make_room(1)  # others have taken all there are
            fd = self._descriptor()
        try:
            status = os.fstat(fd)
            _require_regular(status.st_mode, self.name)
            identity = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)
            self._require_same(identity)
        except BaseException:
            os.close(fd)
            raise
        self._identity = identity
        _pool.sources[id(self)] = weakref.ref(self)
        self._fd = fd

    def _descriptor(self) -> int:
        # Opening a FIFO or device would do something to it. O_NONBLOCK: it must not hang either,
        # should it take the place of a file just now.
        flags = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NONBLOCK", 0)
        try:
            if not self._identity:
                _require_regular(os.stat(self._path).st_mode, self.name)  # noqa: PTH116
            return os.open(self._path, flags | getattr(os, "O_BINARY", 0))
        except OSError as exc:
            exc.filename = self.name
            raise

    def _require_same(self, identity: tuple[int, ...]) -> None:
        if self._identity not in ((), identity):
            raise replaced_file(self.name)

    def size(self) -> int:
        """Return the size the file had when it was opened."""
        return self._identity[2]

    def read_at(self, offset: int, length: int) -> bytes:
        """Return exactly `length` bytes from `offset`."""
        with _pool.lock:
            if self._closed:
                raise ReaderClosedError(f"{self.name}: the file was closed")
            if self._fd < 0:
                self._open()
            else:
                _pool.sources.move_to_end(id(self))
            self._readers += 1
        try:
            data = self._pread(self._fd, length, offset)
            if len(data) != length:
                data = self._read_on(self._fd, data, length, offset)
            # After the read: what changes during it is noticed too. As `content_mark`, without
            # the call: it is in the way of every frame.
            status = os.fstat(self._fd)
            _, _, size, changed = self._identity
            if status.st_size != size or status.st_mtime_ns != changed:
                raise changed_file(self.name)
            return data
        finally:
            with _pool.lock:
                self._readers -= 1
                if self._closed:
                    self.rest()

    def _read_on(self, fd: int, data: bytes, length: int, offset: int) -> bytes:
        """Read the rest: a signal or a network file system may cut one read short."""
        parts = [data]
        total = len(data)
        while total < length and parts[-1]:
            parts.append(self._pread(fd, length - total, offset + total))
            total += len(parts[-1])
        if total != length:
            raise short_read(self.name, offset, length, total)
        return b"".join(parts)

    def _pread(self, fd: int, length: int, offset: int) -> bytes:
        if HAS_PREAD:
            return os.pread(fd, length, offset)
        with self._seek_lock:  # pragma: no cover - platforms without positional reads
            os.lseek(fd, offset, os.SEEK_SET)
            return os.read(fd, length)

    def rest(self) -> None:
        """Give the descriptor up unless it is being read from."""
        with _pool.lock:
            if self._fd >= 0 and not self._readers:
                # Forgotten before it is closed, and in the pool for as long as it is known: a
                # process may be forked by another thread after any of these lines, and must never
                # read from, or close, what has the number then.
                fd, self._fd = self._fd, -1
                _pool.sources.pop(id(self), None)
                os.close(fd)

    def forget_readers(self) -> None:
        """Take it that nobody reads: in a process just forked there is one thread only."""
        self._readers = 0

    def close(self) -> None:
        """Close the file once the last read has ended; may be called again."""
        self._closed = True
        self.rest()

    def __del__(self) -> None:
        with contextlib.suppress(AttributeError, OSError):
            self.close()

    def __reduce__(self) -> tuple[Any, ...]:
        return PathSource, (self._path,)


def _require_regular(mode: int, name: str) -> None:
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(21, "a .dcbs file is expected, not a folder", name)
    require_regular(mode, name)


def require_regular(mode: int, name: str) -> None:
    """Refuse what is no regular file: reading a pipe or device may not end.

    Raises
    ------
    InvalidCubeFileError
        Names what it is.
    """
    if not stat.S_ISREG(mode):
        raise InvalidCubeFileError(
            f"{name}: not a regular file but {_KINDS.get(stat.S_IFMT(mode), 'something else')}",
            suggestion="copy the bytes to a file first",
            details={"path": name},
        )
