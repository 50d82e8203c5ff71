"""What a reader keeps of a file: its beginning, and of one in a store all that is no frame."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from dicube_core.container.read_ahead import joined
from dicube_core.settings import get_limits
from dicube_core.source import requests_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dicube_core.container.layout import Section
    from dicube_core.source import ByteSource

__all__ = ["Front"]

_FRONT = 1 << 16
#: Bytes of sections that are kept of a file in a store where a request takes long.
_MOST_KEPT = 64 << 20


class Front:
    """The first bytes of a file in memory, and how to read the rest.

    Parameters
    ----------
    source : ByteSource
        The file.
    file_size : int
        Its size.

    Attributes
    ----------
    data : bytes
        What it begins with.
    requests : Requests or None
        How it is read best, where each request takes long.
    """

    __slots__ = ("_kept", "_source", "data", "requests")

    def __init__(self, source: ByteSource, file_size: int) -> None:
        self._source = source
        self.requests = requests_of(source)
        front = _FRONT if self.requests is None else self.requests.front_bytes
        self.data = source.read_at(0, min(file_size, front))
        #: Other parts of the file, by their places.
        self._kept: list[tuple[int, bytes]] = []

    def keep(self, places: Iterable[Section]) -> None:
        """Read parts that are not here yet, in as few requests as may be, and keep them."""
        if self.requests is None:
            return
        left = min(_MOST_KEPT, get_limits().metadata_bytes)
        missing = []
        for place in sorted({place for place in places if place.stop > len(self.data)}):
            left -= place.length
            if place.length and left >= 0:  # else it is refused, or read, when it is asked for
                missing.append(place)
        for start, stop in joined(missing, replace(self.requests, joined_bytes=_MOST_KEPT)):
            begin = max(start, len(self.data))
            if begin >= stop:  # parts that lie in one another, as no writer puts them
                continue
            data = self._source.read_at(begin, stop - begin)
            if begin == len(self.data):
                self.data += data
            else:
                self._kept.append((begin, data))

    def read(self, section: Section) -> bytes:
        """Return a part: from memory, else from the file."""
        if section.stop <= len(self.data):
            return self.data[section.offset : section.stop]
        for start, data in self._kept:
            if start <= section.offset and section.stop <= start + len(data):
                return data[section.offset - start : section.stop - start]
        return self._source.read_at(section.offset, section.length)
