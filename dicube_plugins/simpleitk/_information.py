"""What a reader object knows of the ``.dcbs`` file it read last."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dicube_plugins.insight.slice_file import SliceHeaders
from dicube_plugins.simpleitk._pixel_types import pixel_id_of
from dicube_plugins.simpleitk._words import SliceWords

if TYPE_CHECKING:
    from dicube_plugins.insight import Grid, Volume

__all__ = ["Information", "forget", "information", "remember"]

_ATTRIBUTE = "_dcbs_information"


@dataclass(frozen=True)
class Information:
    """Everything that the getters of a reader give.

    Parameters
    ----------
    grid : Grid
        Of the whole file.
    pixel_id : int
        Of the file, whatever the output pixel type.
    components : int
        Numbers per voxel: 3 for colour.
    words : SliceWords
        Of the first slice, in the order of `grid`.
    """

    grid: Grid
    pixel_id: int
    components: int
    words: SliceWords

    @classmethod
    def of(cls, volume: Volume, *, private: bool) -> Information:
        """Describe an open file; no frame is touched."""
        words = SliceWords(SliceHeaders(volume.reader).file(volume.grid.frames[0]), private=private)
        return cls(
            volume.grid, pixel_id_of(volume.dtype, volume.components), volume.components, words
        )


def remember(reader: Any, found: Information) -> None:
    """Note that a reader object has read a ``.dcbs`` file."""
    setattr(reader, _ATTRIBUTE, found)


def forget(reader: Any) -> None:
    """Note that a reader object has read, or tried to read, another file."""
    vars(reader).pop(_ATTRIBUTE, None)


def information(reader: Any) -> Information | None:
    """Return what is known, None if the last file was none of ours."""
    found: Information | None = vars(reader).get(_ATTRIBUTE)
    return found
