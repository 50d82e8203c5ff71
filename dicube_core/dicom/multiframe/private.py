"""Private elements of several levels on one: each keeps its creator (PS3.5 7.8.1)."""

from __future__ import annotations

from struct import pack
from typing import TYPE_CHECKING

from dicube_core.dicom.multiframe.pieces import value_of
from dicube_core.exceptions import UnsupportedKindError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dicube_core.dataset.elements import Encoding

__all__ = ["PrivateBlocks"]

#: Elements of a group that reserve blocks (PS3.5 7.8.1).
_FIRST, _LAST = 0x10, 0xFF


class PrivateBlocks:
    """Which creator has reserved which block of one level; elements without creator, no name."""

    def __init__(self, taken: dict[tuple[int, int], bytes] | None = None) -> None:
        self._taken = taken or {}

    @classmethod
    def of(cls, elements: Iterable[tuple[int, bytes]], encoding: Encoding) -> PrivateBlocks:
        """Return the blocks of the elements of one level."""
        return cls(_blocks(elements, encoding))

    def copy(self) -> PrivateBlocks:
        """Return blocks of their own, to which others may be added."""
        return PrivateBlocks(dict(self._taken))

    def place(
        self, elements: list[tuple[int, bytes]], encoding: Encoding
    ) -> list[tuple[int, bytes]]:
        """Return the private elements of another level with the tags that they have on this one.

        The block of a creator that is here already is shared; one that another creator has here
        becomes the next free block.

        Raises
        ------
        UnsupportedKindError
            No block is free.
        """
        moved = {
            (group, block): self._reserve(group, block, creator)
            for (group, block), creator in sorted(_blocks(elements, encoding).items())
        }
        result = []
        for tag, piece in elements:
            group, number = tag >> 16, tag & 0xFFFF
            is_creator = number <= _LAST
            new = moved.get((group, number if is_creator else number >> 8))
            if new is None:
                result.append((tag, piece))
                continue
            number = new if is_creator else new << 8 | number & 0xFF
            result.append((group << 16 | number, piece[:2] + pack("<H", number) + piece[4:]))
        return result

    def _reserve(self, group: int, block: int, creator: bytes) -> int:
        taken = self._taken
        wanted = (block, *range(_FIRST, _LAST + 1))
        new: int | None = next((b for b in wanted if taken.get((group, b)) == creator), None)
        if new is None:
            new = next((b for b in wanted if (group, b) not in taken), None)
        if new is None:
            raise UnsupportedKindError(
                f"no block of private group {group:04X} is free for the functional groups",
                suggestion="keep such files as DICOM",
            )
        taken[group, new] = creator
        return new


def _blocks(
    elements: Iterable[tuple[int, bytes]], encoding: Encoding
) -> dict[tuple[int, int], bytes]:
    found: dict[tuple[int, int], bytes] = {}
    for tag, piece in elements:
        group, number = tag >> 16, tag & 0xFFFF
        if not group & 1:
            continue
        if _FIRST <= number <= _LAST:
            found[group, number] = value_of(piece, encoding).strip(b" \0")
        elif number >> 8 >= _FIRST:
            found.setdefault((group, number >> 8), b"")
    return found
