"""Edits of metadata per frame, brought into the headers of instances of several frames."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dicube_core.dicom.edited import edited_headers
from dicube_core.exceptions import MetaDataError
from dicube_core.metadata.edits import Edit

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dicube_core.dicom.headers import SliceHeader
    from dicube_core.frame_map import FrameMap

__all__ = ["edited_instances", "require_shown"]

_ADVICE = (
    "give all frames of an instance the same value, or export the frames as images of their own "
    "and edit these"
)


def edited_instances(
    headers: Sequence[SliceHeader], frame_map: FrameMap, edits: Mapping[int, Edit]
) -> list[SliceHeader]:
    """Return the headers of instances with edits that were made to the metadata of frames.

    Raises
    ------
    MetaDataError
        Frames of one instance would differ in what the instance has once.
    """
    own = {tag: _of_instances(tag, edit, frame_map) for tag, edit in edits.items()}
    return edited_headers(headers, own)


def _of_instances(tag: int, edit: Edit, frame_map: FrameMap) -> Edit:
    if edit.per_slice is None:
        return edit
    elements = []
    for instance in range(frame_map.n_instances):
        frames = frame_map.frames_of(instance)
        first = edit.element(frames[0])
        if any(edit.element(frame) != first for frame in frames[1:]):
            raise MetaDataError(
                f"({tag >> 16:04X},{tag & 0xFFFF:04X}) would differ between the frames of "
                f"instance {instance}, which has it once",
                suggestion=_ADVICE,
            )
        elements.append(first)
    return Edit(None, tuple(elements))


def require_shown(
    edits: Mapping[int, Edit], wanted: Mapping[str, Any], merged: Mapping[str, Any]
) -> None:
    """Refuse edits that the frames would not show, because it comes from elsewhere.

    Parameters
    ----------
    wanted : mapping
        The merged metadata as it was edited.
    merged : mapping
        The merged metadata of the frames of the edited instances.

    Raises
    ------
    MetaDataError
        Names the element.
    """
    for tag in sorted(edits):
        key = f"{tag:08X}"
        if wanted.get(key) != merged.get(key):
            raise MetaDataError(
                f"({tag >> 16:04X},{tag & 0xFFFF:04X}) of a frame comes from the functional "
                "groups, vectors or identity of its instance, and cannot be edited as the frame's",
                suggestion=_ADVICE,
            )
