"""Which description of a damaged file is believed: the one it begins with, or the copy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dicube_core.container.extension import EXTENSION_MAGIC, read_loosely
from dicube_core.container.front_copy import find_front_copy
from dicube_core.container.layout import HEADER_SIZE
from dicube_core.container.reader import Container
from dicube_core.exceptions import DicomCubeError
from dicube_core.salvage.reading import proven_part

if TYPE_CHECKING:
    from dicube_core.container.extension import LooseDirectory
    from dicube_core.container.front_copy import FrontCopy
    from dicube_core.source import ByteSource

__all__ = ["directory_in", "needed_copy", "shifts_of"]


def directory_in(front: bytes) -> tuple[LooseDirectory | None, int]:
    """Return the directory of the first bytes of a file, and by how much it was moved."""
    loose = read_loosely(front)
    found = front.find(EXTENSION_MAGIC)
    if found not in (-1, HEADER_SIZE) and (loose is None or not loose.sound):
        other = read_loosely(front, found)
        if other is not None and other.sound:
            return other, found - HEADER_SIZE
    return loose, 0


def shifts_of(loose: LooseDirectory, size: int, moved: int) -> tuple[int, ...]:
    """Return by how much parts of a file may have moved."""
    grown = size - loose.file_length if loose.sound else 0
    return tuple(dict.fromkeys((0, moved, grown)))


def needed_copy(
    source: ByteSource, front: bytes, loose: LooseDirectory | None, moved: int
) -> tuple[FrontCopy | None, bool]:
    """Return the copy at the end of the file, and whether it is to be believed before `front`.

    It is where it explains more of the file; a file that can be opened is never explained anew.
    """
    copy = find_front_copy(source)
    if copy is None:
        return None, False
    start = max(0, HEADER_SIZE + moved)
    same = front[start : start + len(copy.front) - HEADER_SIZE] == copy.front[HEADER_SIZE:]
    if same or _can_be_opened(source):
        return copy, False
    told = read_loosely(copy.front)
    if told is None:
        return copy, False
    if loose is None or (moved and not copy.shift):
        # A directory elsewhere may be that of another file, which was put behind this one.
        return copy, True
    explained = _explained(source, told, copy.shift)
    return copy, explained + (not loose.sound) > _explained(source, loose, moved)


def _can_be_opened(source: ByteSource) -> bool:
    try:
        Container(source)
    except DicomCubeError:
        return False
    return True


def _explained(source: ByteSource, loose: LooseDirectory, moved: int) -> int:
    """Count the parts that match their entry."""
    shifts = shifts_of(loose, source.size(), moved)
    entries = loose.known().values()
    return sum(
        entry.section.length > 0 and proven_part(source, entry, shifts) is not None
        for entry in entries
    )
