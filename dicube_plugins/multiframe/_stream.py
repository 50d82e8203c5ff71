"""A read-only binary file whose bytes are made when they are read, part by part."""

from __future__ import annotations

import io
import operator
import os
import threading
from bisect import bisect_right
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Parts", "PartsFile"]


class Parts(Protocol):
    """What a `PartsFile` is made of: parts whose lengths are known before they are read."""

    @property
    def lengths(self) -> Sequence[int]:
        """Length of each part in bytes."""

    def load(self, first: int, last: int) -> Sequence[bytes | memoryview]:
        """Return the parts from `first` up to, not including, `last`."""


class PartsFile(io.BufferedIOBase):
    """A seekable file over parts that are loaded when they are read.

    Every thread has a position of its own, which begins at 0: readers seek and then read, so with
    one position for all they would read each other's bytes. A thread keeps the part it read last,
    so that reading it in small pieces loads it once. Closing it closes it for all threads, and
    leaves what it is made of open.

    Parameters
    ----------
    parts : Parts
        Safe for several threads. Pickled and copied with the file.
    name : str
        To show.
    """

    def __init__(self, parts: Parts, name: str) -> None:
        super().__init__()
        self._parts = parts
        self.name = name
        self._starts = [0, *accumulate(parts.lengths)]
        self._own = threading.local()

    @property
    def n_bytes(self) -> int:
        """Length in bytes."""
        return self._starts[-1]

    def readable(self) -> bool:
        """Return True."""
        self._require_open()
        return True

    def seekable(self) -> bool:
        """Return True."""
        self._require_open()
        return True

    def tell(self) -> int:
        """Return the position of the calling thread."""
        self._require_open()
        return self._position

    @property
    def _position(self) -> int:
        position: int = getattr(self._own, "position", 0)
        return position

    def _require_open(self) -> None:
        if self.closed:
            raise ValueError(f"{self.name}: the file was closed")

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Set the position of the calling thread; it may lie behind the end."""
        self._require_open()
        bases = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self.n_bytes}
        if whence not in bases:
            raise ValueError(f"whence must be 0, 1 or 2, not {whence!r}")
        position = bases[whence] + operator.index(offset)
        if position < 0:
            raise ValueError(f"negative position {position}")
        self._own.position = position
        return position

    def read(self, size: int | None = -1, /) -> bytes:
        """Read up to `size` bytes, all that are left for a negative number or None.

        Raises
        ------
        DicomCubeError
            A part cannot be made, for example because a frame is damaged. The position stays.
        """
        self._require_open()
        start = self._position
        left = max(self.n_bytes - start, 0)
        count = left if size is None or size < 0 else min(operator.index(size), left)
        pieces = self._pieces(start, start + count)
        data = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        self._own.position = start + count
        return bytes(data)

    def read1(self, size: int = -1, /) -> bytes:
        """Do as `read`."""
        return self.read(size)

    def readinto(self, buffer: Any, /) -> int:
        """Fill a writable buffer and return how many bytes there were."""
        self._require_open()
        view = memoryview(buffer).cast("B")
        start = self._position
        stop = min(start + len(view), max(self.n_bytes, start))
        position = 0
        for piece in self._pieces(start, stop):
            view[position : position + len(piece)] = piece
            position += len(piece)
        self._own.position = start + position
        return position

    def readinto1(self, buffer: Any, /) -> int:
        """Do as `readinto`."""
        return self.readinto(buffer)

    def _pieces(self, start: int, stop: int) -> list[bytes | memoryview]:
        """Return the bytes from `start` to `stop`, in pieces."""
        pieces: list[bytes | memoryview] = []
        while start < stop:
            number = bisect_right(self._starts, start) - 1
            begin = self._starts[number]
            last = bisect_right(self._starts, stop) - 1  # parts before it are wanted whole
            if start == begin and last > number + 1:
                pieces += self._parts.load(number, last)
                start = self._starts[last]
                continue
            end = min(self._starts[number + 1], stop)
            pieces.append(memoryview(self._part(number))[start - begin : end - begin])
            start = end
        return pieces

    def _part(self, number: int) -> bytes | memoryview:
        """Return one part, which the calling thread keeps until it reads another."""
        kept: tuple[int, bytes | memoryview] | None = getattr(self._own, "part", None)
        if kept is not None and kept[0] == number:
            return kept[1]
        (part,) = self._parts.load(number, number + 1)
        self._own.part = (number, part)
        return part

    def __reduce__(self) -> tuple[Any, ...]:
        return PartsFile, (self._parts, self.name)

    def __deepcopy__(self, memo: dict[int, Any]) -> PartsFile:
        """Return a file over the same parts, at its beginning."""
        return PartsFile(self._parts, self.name)

    def __repr__(self) -> str:
        return f"<PartsFile {self.name!r}, {self.n_bytes} bytes>"
