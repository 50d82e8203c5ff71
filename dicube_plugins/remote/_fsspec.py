"""Files of fsspec file systems, read in ranges of one version."""

from __future__ import annotations

import errno
import threading
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

from fsspec.asyn import AsyncFileSystem
from fsspec.implementations.cached import CachingFileSystem

from dicube_core.exceptions import DicomCubeError, InvalidCubeFileError, ReaderClosedError
from dicube_core.forks import lock_of, renew_after_fork
from dicube_core.path_source import changed_file, short_read
from dicube_plugins.remote import _s3
from dicube_plugins.remote._where import cause_of, plain

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

    from dicube_plugins.remote._options import RemoteOptions
    from dicube_plugins.remote._where import Place

__all__ = ["FsspecSource"]

#: What file systems call that which changes with the content of a file.
_MARKS = (
    *("ETag", "etag", "VersionId", "version_id", "generation", "md5Hash", "content_md5", "crc32c"),
    *(
        "mtime",
        "LastModified",
        "Last-Modified",
        "last_modified",
        "modified",
        "updated",
        "created",
        "blob_id",
        "ino",
    ),
)
#: File systems that are asked for their mark after each read: it costs nothing there.
_NEAR = frozenset(("file", "local", "memory"))
#: What file systems that stand before others call those.
_BELOW = ("fs", "sync_fs")

Mark = tuple[tuple[str, str], ...]


class FsspecSource:
    """A file of a file system of fsspec. Safe for threads and after fork; see `remote_source`.

    Parameters
    ----------
    place : Place
        Where it is.
    options : RemoteOptions
        How it is read.
    expected : tuple of (int, tuple), optional
        Size and mark that it must have; anything else is an error.
    """

    def __init__(
        self, place: Place, options: RemoteOptions, expected: tuple[int, Mark] | None = None
    ) -> None:
        self.name = place.name
        self.requests = options.requests()
        self._place, self._options = place, options
        self._closed = False
        self.renew()
        renew_after_fork(self)
        system, path, lock = self._system()
        self._near = not _NEAR.isdisjoint(_protocols(system))
        with lock:
            self._size, self._mark = self._look(system, path)
        if expected not in (None, (self._size, self._mark)):
            raise changed_file(self.name)

    def renew(self) -> None:
        """Begin without a file system: its threads and connections are another process's."""
        self._lock = threading.Lock()
        self._found: tuple[AbstractFileSystem, str, AbstractContextManager[object]] | None = None

    def _system(self) -> tuple[AbstractFileSystem, str, AbstractContextManager[object]]:
        """Return the file system of this process, the path in it, and what to read it under."""
        with self._lock:
            if self._found is None:
                with _Errors(self.name):  # a chain reads what the file is in
                    system, path = self._place.find()
                self._found = system, path, _turns(system)
            return self._found

    def _look(self, system: AbstractFileSystem, path: str) -> tuple[int, Mark]:
        """Return size and mark as they are now."""
        if isinstance(system, CachingFileSystem):
            system = system.fs  # a cache asks for the list of a folder, which the web has not
        with _Errors(self.name):
            info = _s3.info(system, path) if _s3.is_s3(system) else system.info(path)
        if info.get("type") == "directory":
            raise IsADirectoryError(errno.EISDIR, "a .dcbs file is expected", self.name)
        size = info.get("size")
        if type(size) is not int or size < 0:
            raise InvalidCubeFileError(
                f"{self.name}: the store does not say how large the file is",
                suggestion="download the file",
            )
        return size, tuple((key, str(info[key])) for key in _MARKS if info.get(key) is not None)

    def size(self) -> int:
        """Return the size of the file."""
        return self._size

    def read_at(self, offset: int, length: int) -> bytes:
        """Return exactly `length` bytes from `offset`.

        Raises
        ------
        InvalidCubeFileError
            The file is another one now, as far as its store tells.
        TruncatedFileError
            The source ends before.
        OSError
            The store does not answer, or refuses.
        """
        if self._closed:
            raise ReaderClosedError(f"{self.name}: the file was closed")
        if offset + length > self._size:
            raise short_read(self.name, offset, length, max(0, self._size - offset))
        if not length:
            return b""
        system, path, lock = self._system()
        data = b""
        with lock:
            for _ in range(1 + self._options.retries):
                data = self._bytes(system, path, offset, offset + length)
                if len(data) == length:
                    break
            if self._near and self._look(system, path) != (self._size, self._mark):
                raise changed_file(self.name)
        if len(data) != length:
            raise short_read(self.name, offset, length, len(data))
        return data

    def _bytes(self, system: AbstractFileSystem, path: str, start: int, stop: int) -> bytes:
        etag = dict(self._mark).get("ETag")
        with _Errors(self.name):
            if not (etag and _s3.is_s3(system)):
                return bytes(system.cat_file(path, start=start, end=stop))
            found = _s3.read(system, path, start, stop, etag)
        if found is None:
            raise changed_file(self.name)
        return found

    def close(self) -> None:
        """Read no more; the file system stays that of the process."""
        self._closed = True

    def __reduce__(self) -> tuple[Any, ...]:
        return FsspecSource, (self._place, self._options, (self._size, self._mark))


def _protocols(system: AbstractFileSystem) -> tuple[str, ...]:
    protocol = system.protocol
    return (protocol,) if isinstance(protocol, str) else tuple(protocol)


def _turns(system: AbstractFileSystem) -> AbstractContextManager[object]:
    """Return the lock under which a file system is read, none where threads may read at once.

    Archives have one position, and some protocols one connection, for all who read. Caches begin
    to fetch a file twice, and take the half of it for the whole. fsspec promises nothing of threads
    but for the file systems that run on its own loop.
    """
    one_by_one, below = False, system
    while True:
        at_once = isinstance(below, AsyncFileSystem) or not _NEAR.isdisjoint(_protocols(below))
        one_by_one = one_by_one or isinstance(below, CachingFileSystem) or not at_once
        # Caches answer with what the file system below them has.
        parts = object.__getattribute__(below, "__dict__")
        found = next((parts[name] for name in _BELOW if parts.get(name) is not None), None)
        if not hasattr(found, "cat_file"):
            return lock_of(below) if one_by_one else nullcontext()
        below = found


class _Errors:
    """Let errors of file systems leave the block as `OSError`, without what gives access."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, value: BaseException | None, traceback: object) -> None:
        if isinstance(value, FileNotFoundError):
            text = "there is no such file (is the address right?)"
            raise FileNotFoundError(errno.ENOENT, text, self._name) from cause_of(value)
        if isinstance(value, PermissionError):
            text = f"the store refuses: {plain(value)} (give what gives access: "
            text += "remote_source(url, key=..., ...), or the environment of its package)"
            raise PermissionError(errno.EACCES, text, self._name) from cause_of(value)
        if isinstance(value, Exception) and not isinstance(value, DicomCubeError | MemoryError):
            number = value.errno if isinstance(value, OSError) and value.errno else errno.EIO
            text = f"the store fails: {plain(value)}"
            raise OSError(number, text, self._name) from cause_of(value)
