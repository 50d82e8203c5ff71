"""Replace a file as a whole, or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import weakref
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from dicube_core.temporaries import (
    FILE_ENDING,
    Discarding,
    WholeWrites,
    remove_leftovers,
    sync_folder,
    temporary_path,
    try_lock,
)

if TYPE_CHECKING:
    from dicube_core.source import ByteSource

__all__ = ["AtomicFile", "is_same_file", "write_bytes", "write_copy"]

#: Bytes of a file that is copied that are in memory at once.
_CHUNK = 1 << 20


class AtomicFile(Discarding):
    """A file that appears under its name only when it is complete.

    Bytes go to a temporary sibling. `commit` flushes them to the disk, moves the sibling over
    the target in one step and flushes the folder. Leaving the ``with`` block without `commit`,
    by an error or otherwise, removes the sibling and leaves the target as it was. A sibling that
    a killed writer left is removed by the next one with the same target.

    Parameters
    ----------
    path : path-like
        The target. Its folder must exist. An existing target keeps its permissions (but not its
        owner, nor its other hard links, which keep the old content); a target that is a symbolic
        link stays one, and the file it points to is replaced.

    Attributes
    ----------
    file : binary file
        Unbuffered, for reading and writing; ``write`` takes all that it is given.

    Raises
    ------
    IsADirectoryError, FileExistsError
        The target is a folder, or a FIFO, device or socket, which a file must not take the place
        of.
    OSError
        The folder is not there, or does not take files.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(os.path.realpath(path))
        mode = self._target_mode()
        remove_leftovers(self.path)
        self.file: BinaryIO = self._create(0o666 if mode is None else mode & 0o777 | 0o600)

    def _target_mode(self) -> int | None:
        """Return the permissions of the target, None if it is not there."""
        try:
            mode = self.path.stat().st_mode
        except FileNotFoundError:
            return None
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, "the target is a folder", str(self.path))
        if not stat.S_ISREG(mode):
            raise FileExistsError(
                errno.EEXIST,
                "the target exists and is not a regular file; give another name",
                str(self.path),
            )
        return stat.S_IMODE(mode)

    def _create(self, mode: int) -> BinaryIO:
        """Open a new sibling and lock it, so that no other writer takes it for a leftover."""
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL
        flags |= getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
        while True:
            self._temporary = temporary_path(self.path, FILE_ENDING)
            # An interrupt may come before anybody holds this object in a with statement.
            self._remove = weakref.finalize(self, _remove, self._temporary, os.getpid())
            try:
                descriptor = os.open(self._temporary, flags, mode)
            except OSError as exc:
                # Named by what the caller gave, not by the temporary file.
                raise OSError(exc.errno, exc.strerror, str(self.path.parent)) from None
            # None: this platform or file system has no locks, so nobody removes leftovers here.
            locked = try_lock(descriptor)
            # Between open and lock another writer may have removed it: then it has no links.
            if locked is not False and os.fstat(descriptor).st_nlink:
                return cast("BinaryIO", WholeWrites(descriptor, "w+b", str(self.path)))
            os.close(descriptor)
            self._remove()

    def commit(self) -> None:
        """Make the file durable and visible under its name.

        Raises
        ------
        OSError
            The old file, if there was one, is as it was. With the folder as its file name: the
            new file is there as a whole, but may not outlast a power cut.
        """
        try:
            self.file.flush()
            mode, own = self._target_mode(), os.fstat(self.file.fileno()).st_mode
            if mode is not None and mode != stat.S_IMODE(own):
                os.chmod(self._temporary, mode)  # noqa: PTH101
            os.fsync(self.file.fileno())
            self._temporary.replace(self.path)
        except OSError as exc:
            raise OSError(exc.errno, exc.strerror, str(self.path)) from exc
        self._remove.detach()
        with contextlib.suppress(OSError):
            self.file.close()  # all of it is on the disk since it was flushed
        sync_folder(self.path.parent)

    def discard(self) -> None:
        """Remove the temporary file; does nothing after `commit`."""
        try:
            # What could not be written is not wanted any more.
            with contextlib.suppress(OSError):
                self.file.close()
        finally:
            self._remove()


def write_bytes(data: bytes, path: str | os.PathLike[str]) -> None:
    """Write a file, as a whole or not at all."""
    with AtomicFile(path) as target:
        target.file.write(data)
        target.commit()


def write_copy(source: ByteSource, path: str | os.PathLike[str]) -> None:
    """Write the bytes of a source to a file, as a whole or not at all."""
    with AtomicFile(path) as target:
        size = source.size()
        for position in range(0, size, _CHUNK):
            target.file.write(source.read_at(position, min(_CHUNK, size - position)))
        target.commit()


def is_same_file(one: str | os.PathLike[str], other: str | os.PathLike[str]) -> bool:
    """Tell whether two paths lead to one file that is there, by whatever names or links.

    What is written must not replace what it is made of.
    """
    both = os.path.exists(one) and os.path.exists(other)  # noqa: PTH110 - may be an address
    return both and os.path.samefile(one, other)  # noqa: PTH121


def _remove(temporary: Path, pid: int) -> None:
    """Remove a temporary file of this process; a forked child leaves its parent's alone."""
    if pid == os.getpid():
        # One that cannot be removed now is by the next writer; what led here is to be told.
        with contextlib.suppress(OSError):
            temporary.unlink()
