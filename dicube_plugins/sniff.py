"""Tell a ``.dcbs`` file from others by its first bytes."""

from __future__ import annotations

import io
import os
from typing import Any

from dicube_core.container.layout import MAGIC

__all__ = ["is_dcbs"]


def is_dcbs(source: Any) -> bool:
    """Tell whether a source is a ``.dcbs`` file.

    Parameters
    ----------
    source : path, bytes, or seekable binary file
        A file is looked at where it stands, which must be its start, and keeps its position.

    Returns
    -------
    bool
        False also for what cannot be opened or read: who is asked for the file says why.
    """
    try:
        if isinstance(source, str | os.PathLike):
            if not os.path.isfile(source):  # noqa: PTH113 - a device or pipe must not be read
                return False
            with open(source, "rb", buffering=0) as file:  # noqa: PTH123 - takes bytes paths too
                return file.read(len(MAGIC)) == MAGIC
        if isinstance(source, bytes | bytearray | memoryview):
            return memoryview(source).cast("B")[: len(MAGIC)] == MAGIC
        return _starts_with_magic(source)
    except Exception:  # noqa: BLE001 - what is read from may be anything, such as a damaged archive
        return False


def _starts_with_magic(file: Any) -> bool:
    if isinstance(file, io.TextIOBase) or not file.seekable():
        return False
    position = file.tell()
    if position != 0:
        return False
    try:
        return bool(file.read(len(MAGIC)) == MAGIC)
    finally:
        file.seek(position)
