"""Make a folder with all its files, or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import stat
import weakref
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from dicube_core.temporaries import (
    Discarding,
    WholeWrites,
    remove_leftovers,
    sync_folder,
    temporary_path,
    try_lock,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["AtomicFolder"]

#: Threads that wait for the disk, not for a processor: file systems flush many files at once
#: nearly as fast as one.
_FLUSHING = 8


class AtomicFolder(Discarding):
    """A folder that appears under its name only when all its files are in it.

    Files are written into a temporary sibling. `commit` flushes them to the disk, moves the
    sibling into place in one step and flushes the folder around it. Leaving the ``with`` block
    without `commit` removes what was made. What a killed writer left is removed by the next one
    with the same target. Several threads may write files at the same time.

    Parameters
    ----------
    path : path-like
        New or empty; folders above it are made. Links above it stay as they are. An empty folder
        keeps its permissions.

    Attributes
    ----------
    path : Path
        The target, absolute.

    Raises
    ------
    FileExistsError
        The target is not an empty folder; nothing in it is touched.
    OSError
        It is a mount point, which cannot be replaced, or its parent does not take folders.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(os.path.abspath(path))  # noqa: PTH100 - links in it stay as they are
        self._require_free()
        self._files: list[Path] = []
        self._lock = -1
        self._made = _missing(self.path.parent)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        remove_leftovers(self.path)
        self._create()

    def _require_free(self) -> int | None:
        """Return the permissions of the empty folder that is there, None if there is nothing."""
        try:
            mode = self.path.lstat().st_mode
        except FileNotFoundError:
            return None
        if not stat.S_ISDIR(mode):
            raise FileExistsError(
                errno.EEXIST, "the target exists and is not a folder", str(self.path)
            )
        if any(self.path.iterdir()):
            raise FileExistsError(
                errno.EEXIST,
                "the target folder is not empty; give a new or an empty one",
                str(self.path),
            )
        if os.path.ismount(self.path):
            raise OSError(
                errno.EBUSY,
                "the target is a mount point, which cannot be replaced; give a new folder in it",
                str(self.path),
            )
        return stat.S_IMODE(mode)

    def _create(self) -> None:
        """Make a new sibling and lock it, so that no other writer takes it for a leftover."""
        while True:
            self._temporary = temporary_path(self.path)
            self._remove = weakref.finalize(self, _remove, self._temporary, self._made, os.getpid())
            try:
                self._temporary.mkdir()
            except OSError as exc:
                raise OSError(exc.errno, exc.strerror, str(self.path.parent)) from None
            # Between making and locking another writer may take it for a leftover and remove it.
            with contextlib.suppress(FileNotFoundError):
                self._lock = _open_folder(self._temporary)
                if self._lock < 0 or self._is_ours():
                    return
            self._unlock()
            self._remove.detach()  # whoever has the lock removes it

    def _is_ours(self) -> bool:
        """Lock the sibling; whether it is still there then, under its name."""
        return try_lock(self._lock) is not False and os.path.samestat(
            os.fstat(self._lock), self._temporary.stat()
        )

    def _unlock(self) -> None:
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def write(self, name: str, parts: Iterable[bytes | memoryview]) -> None:
        """Write one file; `name` is relative, with forward slashes."""
        path, shown = self._temporary / name, str(self.path / name)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
        flags |= getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(path, flags, 0o666)
        except OSError as exc:
            raise OSError(exc.errno, exc.strerror, shown) from None
        with WholeWrites(descriptor, "wb", shown) as file:
            for part in parts:
                file.write(part)
        self._files.append(path)

    def commit(self) -> None:
        """Make the files durable, and the folder visible under its name.

        Raises
        ------
        FileExistsError
            Somebody put something under the name meanwhile; it is as it was.
        OSError
            The disk failed. With the parent folder as its file name: the new folder is there as a
            whole, but may not outlast a power cut.
        """
        folders = {parent for file in self._files for parent in file.parents}
        below = {folder for folder in folders if folder.is_relative_to(self._temporary)}
        with ThreadPoolExecutor(_FLUSHING, thread_name_prefix="dicube-flush") as pool:
            for flush, paths in ((_flush, self._files), (sync_folder, below | {self._temporary})):
                for path, error in zip(
                    paths, pool.map(partial(_error_of, flush), paths), strict=True
                ):
                    if error is not None:
                        name = path.relative_to(self._temporary)
                        raise OSError(error.errno, error.strerror, str(self.path / name))
        try:
            mode = self._require_free()
            if mode is not None and mode != stat.S_IMODE(self._temporary.stat().st_mode):
                self._temporary.chmod(mode)
            self._temporary.replace(self.path)  # an empty folder is replaced, else it is an error
        except OSError as exc:
            self._require_free()
            raise OSError(exc.errno, exc.strerror, str(self.path)) from exc
        self._remove.detach()
        self._unlock()
        sync_folder(self.path.parent)

    def discard(self) -> None:
        """Remove what was made; does nothing after `commit`."""
        self._remove()
        self._unlock()

    def __del__(self) -> None:
        with contextlib.suppress(AttributeError, OSError):
            self._unlock()


def _missing(folder: Path) -> tuple[Path, ...]:
    """Return the folders that have to be made, the innermost first."""
    missing = []
    while not folder.exists() and folder != folder.parent:
        missing.append(folder)
        folder = folder.parent
    return tuple(missing)


def _open_folder(folder: Path) -> int:
    """Return a descriptor of a folder, -1 where the platform has none."""
    try:
        flags = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_CLOEXEC", 0)
        return os.open(folder, flags)
    except PermissionError:  # pragma: no cover - Windows
        return -1


def _flush(file: Path) -> None:
    descriptor = os.open(file, os.O_RDWR | getattr(os, "O_CLOEXEC", 0))
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _error_of(work: Callable[[Path], None], path: Path) -> OSError | None:
    try:
        work(path)
    except OSError as exc:
        return exc
    return None


def _remove(temporary: Path, made: tuple[Path, ...], pid: int) -> None:
    """Remove what this process made; a forked child leaves its parent's alone."""
    if pid != os.getpid():
        return
    shutil.rmtree(temporary, ignore_errors=True)
    for folder in made:
        with contextlib.suppress(OSError):
            folder.rmdir()  # only if nobody has put anything there
