"""Replace a file as a whole, or not at all."""

from __future__ import annotations

import contextlib
import os
import secrets
import weakref
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Self

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["AtomicFile"]


class AtomicFile:
    """A file that appears under its name only when it is complete.

    Bytes go to a temporary sibling. `commit` flushes them to the disk, moves the sibling over
    the target in one step and flushes the folder. Leaving the ``with`` block without `commit`,
    by an error or otherwise, removes the sibling and leaves the target as it was.

    Parameters
    ----------
    path : path-like
        The target. Its folder must exist. An existing target keeps its permissions; a target
        that is a symbolic link stays one, and the file it points to is replaced.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(os.path.realpath(path))
        if self.path.is_dir():
            raise IsADirectoryError(21, "the target is a folder", str(self.path))
        self._remove_leftovers()
        self.file: BinaryIO = self._create()

    def _create(self) -> BinaryIO:
        """Open a new sibling and lock it, so that no other writer takes it for a leftover."""
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL
        flags |= getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
        while True:
            self._temporary = self.path.with_name(f"{self._prefix()}{secrets.token_hex(6)}.tmp")
            # An interrupt may come before anybody holds this object in a with statement.
            self._remove = weakref.finalize(self, _remove, self._temporary, os.getpid())
            try:
                descriptor = os.open(self._temporary, flags, 0o666)
            except FileNotFoundError as exc:
                # Named by what the caller gave, not by the temporary file.
                raise FileNotFoundError(exc.errno, exc.strerror, str(self.path.parent)) from None
            # None: this platform or file system has no locks, so nobody removes leftovers here.
            locked = _try_lock(descriptor)
            # Between open and lock another writer may have removed it: then it has no links.
            if locked is not False and os.fstat(descriptor).st_nlink:
                return os.fdopen(descriptor, "w+b", buffering=0)
            os.close(descriptor)
            self._remove()

    def _prefix(self) -> str:
        return f".{self.path.name}.dcbs-"

    def _remove_leftovers(self) -> None:
        """Delete siblings of writers that were killed: those nobody holds a lock on."""
        for leftover in self.path.parent.glob(f"{_glob_escape(self._prefix())}*.tmp"):
            with contextlib.suppress(OSError), leftover.open("rb") as file:
                if _try_lock(file.fileno()):
                    leftover.unlink()

    def commit(self) -> None:
        """Make the file durable and visible under its name."""
        self.file.flush()
        with contextlib.suppress(FileNotFoundError):
            os.chmod(self._temporary, self.path.stat().st_mode & 0o7777)  # noqa: PTH101
        os.fsync(self.file.fileno())
        self._temporary.replace(self.path)
        self._remove.detach()
        self.file.close()
        _sync_folder(self.path.parent)

    def discard(self) -> None:
        """Remove the temporary file; does nothing after `commit`."""
        self.file.close()
        self._remove()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.discard()


def _remove(temporary: Path, pid: int) -> None:
    """Remove a temporary file of this process; a forked child leaves its parent's alone."""
    if pid == os.getpid():
        with contextlib.suppress(FileNotFoundError):
            temporary.unlink()


def _glob_escape(text: str) -> str:
    import glob

    return glob.escape(text)


def _try_lock(descriptor: int) -> bool | None:
    """Take the advisory lock: False where another holds it, None where there are no locks."""
    try:
        import fcntl
    except ImportError:  # pragma: no cover - not on Windows
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True


def _sync_folder(folder: Path) -> None:
    """Flush a folder entry; some file systems and platforms cannot, which is no failure."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY | getattr(os, "O_DIRECTORY", 0))
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
