"""Temporary siblings of a target: their names, their locks, and what killed writers left."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import re
import secrets
import shutil
import stat
from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import TracebackType
    from typing import Self

__all__ = [
    "FILE_ENDING",
    "Discarding",
    "WholeWrites",
    "remove_leftovers",
    "sweep_leftovers",
    "sync_folder",
    "temporary_path",
    "try_lock",
]

#: How the name of a temporary file ends; that of a temporary folder has no such end.
FILE_ENDING = ".tmp"
_DIGITS = 12
#: Bytes of a target's name that are repeated in that of its temporary sibling. Most file systems
#: take names of 255 bytes, some that encrypt them 143: the sibling must fit where the target does.
_REPEATED = 100
#: Errors of flushing a folder that mean "this file system or platform has no such thing". Any
#: other means that the entry may be lost with the power, and is raised.
_NO_SUCH_THING = frozenset(
    (
        errno.EACCES,
        errno.EBADF,
        errno.EINVAL,
        errno.EISDIR,
        errno.ENOSYS,
        errno.ENOTSUP,
        errno.EOPNOTSUPP,
        errno.EPERM,
        errno.EROFS,
    )
)


class Discarding(ABC):
    """What is in the making: at the end of its ``with`` block all that was not committed goes."""

    @abstractmethod
    def discard(self) -> None:
        """Remove what was made; does nothing after a commit."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.discard()


class WholeWrites(io.FileIO):
    """An unbuffered file that writes all it is given, and names the target in its errors.

    Parameters
    ----------
    descriptor : int
        Open; closed with the file.
    mode : str
        As for `open`.
    name : str
        What the file will be called.
    """

    def __init__(self, descriptor: int, mode: str, name: str) -> None:
        super().__init__(descriptor, mode)
        self.name = name

    def write(self, data: Any) -> int:
        """Write all of `data`: the system may take less at once, or be interrupted."""
        view = memoryview(data).cast("B")
        total = len(view)
        try:
            while view:
                view = view[super().write(view) :]
        except OSError as exc:
            exc.filename = exc.filename or self.name
            raise
        return total


def _prefix(name: str) -> str:
    encoded = os.fsencode(name)
    if len(encoded) > _REPEATED:
        from hashlib import sha256

        name = sha256(encoded).hexdigest()[:32]
    return f".{name}.dcbs-"


def temporary_path(target: Path, ending: str = "") -> Path:
    """Return a new hidden name beside the target, never longer than file systems allow."""
    digits = secrets.token_hex(_DIGITS // 2)
    return target.with_name(f"{_prefix(target.name)}{digits}{ending}")


def remove_leftovers(target: Path) -> None:
    """Delete temporary siblings of writers that were killed: those nobody holds a lock on.

    Only plain files and folders whose whole name is one that `temporary_path` gives for this
    target are touched. Where locks are not to be had (some network file systems), nothing is:
    a leftover could not be told from the file of a writer at work.
    """
    own = re.compile(
        rf"{re.escape(_prefix(target.name))}[0-9a-f]{{{_DIGITS}}}(?:{re.escape(FILE_ENDING)})?"
    )
    try:
        with os.scandir(target.parent) as entries:
            found = [entry for entry in entries if own.fullmatch(entry.name)]
    except OSError:
        return
    for entry in found:
        # A broken leftover must not stop a save that would go well.
        with contextlib.suppress(OSError):
            _remove(Path(entry.path), is_file=entry.name.endswith(FILE_ENDING))


def sweep_leftovers(folder: Path, names: Iterable[str]) -> None:
    """Do the same for many targets in one folder, which is listed once."""
    prefixes = {_prefix(name) for name in names}
    own = re.compile(rf"(\..*\.dcbs-)[0-9a-f]{{{_DIGITS}}}(?:{re.escape(FILE_ENDING)})?", re.DOTALL)
    try:
        with os.scandir(folder) as entries:
            found = [e for e in entries if (m := own.fullmatch(e.name)) and m[1] in prefixes]
    except OSError:
        return
    for entry in found:
        with contextlib.suppress(OSError):
            _remove(Path(entry.path), is_file=entry.name.endswith(FILE_ENDING))


def _remove(leftover: Path, *, is_file: bool) -> None:
    mode = leftover.lstat().st_mode
    if not (stat.S_ISREG(mode) if is_file else stat.S_ISDIR(mode)):
        return
    descriptor = _open(leftover, is_file=is_file)
    try:
        if not try_lock(descriptor):
            return
        if is_file:
            leftover.unlink()
        else:
            shutil.rmtree(leftover)
    finally:
        os.close(descriptor)


def _open(leftover: Path, *, is_file: bool) -> int:
    flags = getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0)
    flags |= getattr(os, "O_NONBLOCK", 0)  # should it have become a FIFO just now
    if not is_file:
        return os.open(leftover, flags | os.O_RDONLY)
    try:
        # NFS gives exclusive locks only on what is open for writing.
        return os.open(leftover, flags | os.O_RDWR)
    except PermissionError:
        return os.open(leftover, flags | os.O_RDONLY)


def try_lock(descriptor: int) -> bool | None:
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


def sync_folder(folder: Path) -> None:
    """Flush the entries of a folder; some file systems and platforms cannot, which is no failure.

    Raises
    ------
    OSError
        The disk failed: what was put into the folder is there, but may be gone after a power cut.
    """
    try:
        descriptor = os.open(folder, os.O_RDONLY | getattr(os, "O_DIRECTORY", 0))
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as exc:
        if exc.errno not in _NO_SUCH_THING:
            raise OSError(exc.errno, exc.strerror, str(folder)) from exc
