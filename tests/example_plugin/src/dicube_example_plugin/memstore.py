"""A store: files by name, in the memory of this process."""

from __future__ import annotations

import errno

from dicube_core.exceptions import TruncatedFileError

__all__ = ["FILES", "MemorySource", "open_entry"]

#: Name to content, for ``memstore://name``.
FILES: dict[str, bytes] = {}


class MemorySource:
    """See `dicube_core.source.ByteSource`: a size, and any range. Threads may share it.

    Parameters
    ----------
    data : bytes
        The content.
    name : str
        Stands in messages.
    """

    def __init__(self, data: bytes, name: str) -> None:
        self._data = data
        self.name = name

    def size(self) -> int:
        """Return the number of bytes."""
        return len(self._data)

    def read_at(self, offset: int, length: int) -> bytes:
        """Return exactly `length` bytes from `offset`; a source never returns fewer."""
        data = self._data[offset : offset + length]
        if len(data) != length:
            raise TruncatedFileError(
                f"{self.name}: {length} bytes wanted at byte {offset}, {len(data)} are there"
            )
        return data


def open_entry(address: str) -> MemorySource:
    """Open one entry; one that is not there is a missing file, for the caller to see."""
    name = address.removeprefix("memstore://")
    if name not in FILES:
        raise FileNotFoundError(errno.ENOENT, "there is no such entry", address)
    return MemorySource(FILES[name], address)
