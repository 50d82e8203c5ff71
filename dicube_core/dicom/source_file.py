"""The front of a DICOM file, read once and only as far as it is needed."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from dicube_core.exceptions import MetaDataError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["SourceFile"]

_FRONT = 1 << 15


class SourceFile:
    """The front of a file, which grows on demand."""

    def __init__(self, origin: Path | bytes) -> None:
        self.origin = origin
        if isinstance(origin, bytes):
            self.size, self.modified, self.front = len(origin), 0, origin
            return
        # O_NONBLOCK: a FIFO in the folder must not hang the scan.
        flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
        self._fd = os.open(origin, flags)
        status = os.fstat(self._fd)
        self.size, self.modified = status.st_size, status.st_mtime_ns
        self.front = os.read(self._fd, _FRONT)

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
