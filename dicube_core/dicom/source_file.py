"""The front of a DICOM file, read once and only as far as it is needed."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from dicube_core.exceptions import MetaDataError
from dicube_core.path_source import require_regular

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["SourceFile"]

_FRONT = 1 << 15


def _require_file(mode: int, origin: Path) -> None:
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(21, "a file is expected, not a folder", os.fspath(origin))
    require_regular(mode, os.fspath(origin))


class SourceFile:
    """The front of a file, which grows on demand.

    Raises
    ------
    InvalidCubeFileError
        Not a regular file.
    OSError
        It cannot be opened.
    """

    def __init__(self, origin: Path | bytes) -> None:
        self.origin = origin
        if isinstance(origin, bytes):
            self.size, self.modified, self.front = len(origin), 0, origin
            return
        _require_file(os.stat(origin).st_mode, origin)  # noqa: PTH116
        # O_NONBLOCK: what may have taken its place just now must not hang the scan.
        flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
        self._fd = os.open(origin, flags)
        try:
            status = os.fstat(self._fd)
            _require_file(status.st_mode, origin)
            self.size, self.modified = status.st_size, status.st_mtime_ns
            # No more than the size: files of the system that say 0 are not read at all.
            self.front = os.read(self._fd, min(_FRONT, self.size))
        except BaseException as exc:
            os.close(self._fd)
            if isinstance(exc, OSError) and exc.filename is None:
                exc.filename = os.fspath(origin)
            raise

    def grow(self, needed: int) -> None:
        """Read at least `needed` bytes.

        Raises
        ------
        MetaDataError
            The file is not that long.
        """
        if needed > self.size or isinstance(self.origin, bytes):
            raise MetaDataError(f"the file ends at byte {self.size}, inside an element")
        needed = min(self.size, max(needed, 2 * len(self.front)))
        parts = [self.front]
        missing = needed - len(self.front)
        while missing > 0:
            part = os.read(self._fd, missing)
            if not part:
                raise MetaDataError(f"the file ends at byte {needed - missing}, inside an element")
            parts.append(part)
            missing -= len(part)
        self.front = b"".join(parts)

    def whole(self) -> bytes:
        """Return all bytes."""
        if len(self.front) < self.size:
            self.grow(self.size)
        return self.front

    def tail(self, offset: int) -> bytes:
        """Return the bytes from `offset` to the end."""
        if offset >= self.size:
            return b""
        if len(self.front) == self.size:
            return self.front[offset:]
        os.lseek(self._fd, offset, os.SEEK_SET)
        with os.fdopen(os.dup(self._fd), "rb") as file:
            return file.read()

    def close(self) -> None:
        """Close the file."""
        if not isinstance(self.origin, bytes):
            os.close(self._fd)
