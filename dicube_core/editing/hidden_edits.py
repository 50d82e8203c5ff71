"""Edits of a multi-frame instance that its frames do not show."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dicube_core.dicom.multiframe.pieces import level
from dicube_core.editing.leaves import place_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from dicube_core.dicom.headers import SliceHeader
    from dicube_core.frame_map import FrameMap

__all__ = ["hidden_edits"]


def hidden_edits(
    tags: Iterable[int],
    instances: tuple[Sequence[SliceHeader], Sequence[SliceHeader]],
    frames: tuple[Sequence[SliceHeader], Sequence[SliceHeader]],
    frame_map: FrameMap,
) -> list[str]:
    """Return a warning for each element whose new value no frame has.

    That is so where the functional groups say something else: they go before the top level.

    Parameters
    ----------
    tags : iterable of int
        Elements of the top level that were edited.
    instances, frames : pair of sequences of SliceHeader
        Before and after the edit.
    frame_map : FrameMap
        Which frame is of which instance.
    """
    wanted = sorted(tags)
    hidden: set[int] = set()
    for instance, (old, new) in enumerate(zip(*instances, strict=True)):
        before, after = level(old.head, old.encoding), level(new.head, new.encoding)
        edited = {tag for tag in wanted if before.get(tag) != after.get(tag)}
        for frame in frame_map.frames_of(instance):
            if not edited:
                break
            was = level(frames[0][frame].head, frames[0][frame].encoding)
            now = level(frames[1][frame].head, frames[1][frame].encoding)
            edited = {tag for tag in edited if tag in now and was.get(tag) == now[tag]}
        hidden |= edited
    return [
        f"{place_text(((tag, 0),))}: the frames have values of their own, from functional groups "
        "or numbering, and do not show this one; give its path in the functional groups to edit it"
        for tag in sorted(hidden)
    ]
