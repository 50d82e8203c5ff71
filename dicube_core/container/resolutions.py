"""How much of each codestream a lower resolution needs (``docs/format.md``, 2.8)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from dicube_core.checksum import crc32
from dicube_core.container.index import pack_u32, unpack_u32
from dicube_core.exceptions import InvalidCubeFileError

if TYPE_CHECKING:
    from array import array
    from collections.abc import Sequence

__all__ = ["Prefix", "Resolutions", "pack_resolutions", "prefixes_of", "table_size"]

#: More halvings than any codestream has (ITU-T T.800, table A.15).
_MOST_LEVELS = 32


class Prefix(NamedTuple):
    """The beginning of a codestream; of length 0 where it is not known."""

    length: int
    crc: int


def table_size(frame_count: int, levels: int) -> int:
    """Return the number of bytes of the part."""
    return 4 + 8 * frame_count * levels


def prefixes_of(codestream: bytes, ends: Sequence[int], levels: int) -> list[Prefix]:
    """Return the row of a frame.

    Parameters
    ----------
    codestream : bytes
        The whole frame.
    ends : sequence of int
        Bytes that are needed where the resolution is halved once, twice, and so on.
    levels : int
        Prefixes in a row; those that `ends` does not have are unknown.
    """
    known = [Prefix(end, crc32(codestream[:end])) for end in ends[:levels]]
    return known + [Prefix(0, 0)] * (levels - len(known))


def pack_resolutions(rows: Sequence[Sequence[Prefix]], levels: int) -> bytes:
    """Return the part."""
    return pack_u32([levels, *(number for row in rows for prefix in row for number in prefix)])


class Resolutions:
    """The table of a file. Immutable, safe for threads.

    Parameters
    ----------
    data : bytes
        The part.
    lengths : sequence of int
        Of all codestreams.
    where : str
        Put in front of errors.

    Raises
    ------
    InvalidCubeFileError
        It is not such a table.
    """

    def __init__(self, data: bytes, lengths: Sequence[int], where: str) -> None:
        levels = int.from_bytes(data[:4], "little") if len(data) >= 4 else 0
        if not 1 <= levels <= _MOST_LEVELS or len(data) != table_size(len(lengths), levels):
            raise InvalidCubeFileError(
                f"{where}: {len(data)} bytes cannot be {levels} resolutions of {len(lengths)} "
                "frames",
                suggestion="the file is damaged or was tampered with; restore it from its source",
            )
        self.levels = levels
        self._numbers: array[int] = unpack_u32(data)
        self._lengths = lengths
        self._where = where

    def row(self, frame: int) -> list[Prefix]:
        """Return the prefixes of a frame for each halving, those that are known first.

        Raises
        ------
        InvalidCubeFileError
            They are not shorter and shorter parts of the codestream.
        """
        start = 1 + 2 * self.levels * frame
        numbers = self._numbers[start : start + 2 * self.levels]
        row = [Prefix(*pair) for pair in zip(numbers[::2], numbers[1::2], strict=True)]
        longer = self._lengths[frame]
        for prefix in row:
            if prefix.length >= longer and (longer or prefix.length):
                raise self._misfit(frame, [one.length for one in row])
            longer = prefix.length
        return row

    def _misfit(self, frame: int, found: list[int]) -> InvalidCubeFileError:
        return InvalidCubeFileError(
            f"{self._where}: the resolutions of frame {frame} end at bytes {found}, which are "
            f"not shorter and shorter parts of its {self._lengths[frame]} bytes",
            suggestion="the file is damaged or was tampered with; restore it from its source",
            details={"frame": frame},
        )

    def prefix(self, frame: int, level: int) -> Prefix | None:
        """Return what is needed of a frame for a resolution, None where that is not known."""
        if not 1 <= level <= self.levels:
            return None
        prefix = self.row(frame)[level - 1]
        return prefix if prefix.length else None
