"""Zip and tar streams with the same bytes for the same content, written as they are made."""

from __future__ import annotations

import gzip
import io
import tarfile
import zipfile
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal, Protocol

from dicube_core.file_names import is_safe_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    AddFile = Callable[[str, bytes], None]

__all__ = ["ARCHIVE_SUFFIXES", "ArchiveKind", "Writable", "open_archive", "write_all"]

ArchiveKind = Literal["zip", "tar", "tar.gz"]
#: End of a file name -> kind.
ARCHIVE_SUFFIXES: dict[str, ArchiveKind] = {
    ".zip": "zip",
    ".tar": "tar",
    ".tar.gz": "tar.gz",
    ".tgz": "tar.gz",
}
#: The earliest time that both formats can hold. Real times would make every archive another.
_ZIP_TIME = (1980, 1, 1, 0, 0, 0)
_TAR_TIME = 315_532_800
_MODE = 0o100644


class Writable(Protocol):
    """Takes bytes one after the other, such as a file, a pipe or a response to a request."""

    def write(self, data: bytes, /) -> object:
        """Write all bytes."""
        ...


@contextmanager
def open_archive(stream: Writable, kind: ArchiveKind) -> Iterator[AddFile]:
    """Write an archive to a stream, which need not be seekable and is not closed.

    The context gives a function to add a file with. Files are stored as they are: slices in HTJ2K
    cannot be compressed further, and deflated bytes differ from one build of zlib to another (as
    those of ``tar.gz`` do). After an error the end of the archive is not written, so that what a
    stream got cannot pass for a whole one. Names that would lead out of the folder in which the
    archive is unpacked raise `ValueError`.
    """
    if kind == "zip":
        window = _Window(stream)
        with zipfile.ZipFile(window, "w", zipfile.ZIP_STORED) as archive:

            def add(name: str, data: bytes) -> None:
                archive.writestr(_zip_entry(_checked(name)), data)
                window.pass_on()

            yield add
        window.pass_on()
        return
    if kind == "tar.gz":
        sink = _Sink(stream)
        # Neither name nor time in its header.
        with gzip.GzipFile("", "wb", 6, sink, mtime=0) as packed:
            try:
                yield from _tar(packed)
            except BaseException:
                sink.cut()
                raise
        return
    yield from _tar(_Sink(stream))


def _tar(stream: Any) -> Iterator[AddFile]:
    with tarfile.open(mode="w|", fileobj=stream, format=tarfile.PAX_FORMAT) as archive:

        def add(name: str, data: bytes) -> None:
            entry = tarfile.TarInfo(_checked(name))
            entry.size, entry.mtime, entry.mode = len(data), _TAR_TIME, _MODE & 0o777
            archive.addfile(entry, io.BytesIO(data))

        yield add


def _checked(name: str) -> str:
    if not is_safe_name(name):
        raise ValueError(f"{name!r} is no safe name in an archive")
    return name


def _zip_entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _ZIP_TIME)
    entry.create_system = 3  # Unix, on whatever system this runs
    entry.external_attr = _MODE << 16
    return entry


class _Window(io.RawIOBase):
    """The part of a stream that `zipfile` may still go back to: the entry being written.

    It fills in sizes and checksum of an entry afterwards. On a stream that cannot seek it would
    put them behind the entry, where programs that read zip files from a stream cannot use them.
    """

    def __init__(self, stream: Writable) -> None:
        self._stream = stream
        self._start = 0
        self._buffer = io.BytesIO()

    def pass_on(self) -> None:
        """Write out what is complete."""
        data = self._buffer.getvalue()
        write_all(self._stream, data)
        self._start += len(data)
        self._buffer = io.BytesIO()

    def write(self, data: Any) -> int:
        return self._buffer.write(data)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        if whence != io.SEEK_SET or offset < self._start:
            raise io.UnsupportedOperation("what was passed on cannot be reached again")
        return self._start + self._buffer.seek(offset - self._start)

    def tell(self) -> int:
        return self._start + self._buffer.tell()

    def seekable(self) -> bool:
        return True

    def writable(self) -> bool:
        return True


class _Sink(io.RawIOBase):
    """A stream that can be written to and nothing else, whatever the one behind it can."""

    def __init__(self, stream: Writable) -> None:
        self._stream: Writable | None = stream

    def cut(self) -> None:
        """Take what is written from now on to nowhere."""
        self._stream = None

    def write(self, data: Any) -> int:
        if self._stream is not None:
            write_all(self._stream, data)
        return len(data)

    def writable(self) -> bool:
        return True


def write_all(stream: Writable, data: bytes) -> None:
    """Write all bytes; raw files and sockets may take fewer at a time."""
    view = memoryview(data)
    while view:
        n_written = stream.write(bytes(view))
        if n_written is None and not isinstance(stream, io.RawIOBase):
            return  # writers outside `io` that return nothing take all
        if not isinstance(n_written, int) or not 0 < n_written <= len(view):
            raise BlockingIOError(f"the stream took {n_written} of {len(view)} bytes")
        view = view[n_written:]
