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
        It cannot be opened, or read.
    MetaDataError
        It was cut since it was opened.
    """

    def __init__(self, origin: Path | bytes) -> None:
        self.origin = origin
        if isinstance(origin, bytes):
            self.size, self.modified, self.front = len(origin), 0, origin
            return
        self._name = os.fspath(origin)
        _require_file(os.stat(origin).st_mode, origin)  # noqa: PTH116
        # O_NONBLOCK: what may have taken its place just now must not hang the scan.
        flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
        self._fd = os.open(origin, flags)
        try:
            status = os.fstat(self._fd)
            _require_file(status.st_mode, origin)
            self.size, self.modified = status.st_size, status.st_mtime_ns
            # No more than the size: files of the system that say 0 are not read at all.
            self.front = self._read(0, min(_FRONT, self.size))
        except BaseException as exc:
            os.close(self._fd)
            if isinstance(exc, OSError) and exc.filename is None:
                exc.filename = os.fspath(origin)
            raise

    def _read(self, offset: int, length: int) -> bytes:
        """Return so many bytes: the system may give less at once.

        Raises
        ------
        MetaDataError
            The file is shorter than it was when it was opened.
        """
        os.lseek(self._fd, offset, os.SEEK_SET)
        parts: list[bytes] = []
        missing = length
        while missing:
            try:
                part = os.read(self._fd, missing)
            except OSError as exc:
                exc.filename = exc.filename or self._name
                raise
            if not part:
                # Never passed over as "not a DICOM file": what is missing is not known.
                raise MetaDataError(
                    f"the file was cut while it was read, or is no ordinary file: {self._name} "
                    f"ends at byte {offset + length - missing}, the system said {self.size}"
                )
            parts.append(part)
            missing -= len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

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
        have = len(self.front)
        if needed > have:
            self.front += self._read(have, needed - have)

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
        return self._read(offset, self.size - offset)

    def close(self) -> None:
        """Close the file."""
        if not isinstance(self.origin, bytes):
            os.close(self._fd)
