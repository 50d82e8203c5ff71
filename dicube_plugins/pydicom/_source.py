"""From what to read a ``.dcbs`` file that was given in one of the ways that pydicom takes."""

from __future__ import annotations

import io
import os
from typing import Any

__all__ = ["path_of", "source_of"]


def path_of(file: Any) -> str | None:
    """Return the path of a file, None where there is none that would open the same file again.

    Parameters
    ----------
    file : path or binary file
        A file that unpacks another one while it is read (gzip) has no path in this sense.
    """
    if isinstance(file, str | os.PathLike):
        return os.fsdecode(file)
    name = getattr(file, "name", None)
    if isinstance(name, str) and isinstance(getattr(file, "raw", file), io.FileIO):
        try:
            if os.path.samestat(os.fstat(file.fileno()), os.stat(name)):  # noqa: PTH116
                return name
        except OSError:
            return None  # it was renamed or deleted since it was opened
    return None


def source_of(file: Any) -> str | bytes:
    """Return what a reader of our own can keep open: a path, or all bytes.

    Pixels are read late, when the caller has closed the file, or moved its position, or reads it
    from another thread. So nothing is read later from a file that belongs to the caller.

    Parameters
    ----------
    file : path, or seekable binary file that stands at its beginning
        Its position is kept.
    """
    if isinstance(file, bytes | bytearray | memoryview):
        kind = type(file).__name__
        raise TypeError(f"a path or a binary file is expected, not {kind}; use io.BytesIO(data)")
    path = path_of(file)
    if path is not None:
        return path
    position = file.tell()
    try:
        return bytes(file.read())
    finally:
        file.seek(position)
