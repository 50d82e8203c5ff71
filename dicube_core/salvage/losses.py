"""The frames that are lost: who they were, as far as their headers survive."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dicube_core.dataset.find import header_values
from dicube_core.dicom.pixel_fields import numbers
from dicube_core.exceptions import DicomCubeError
from dicube_core.repair_record import LostFrame
from dicube_core.salvage.assembling import frame_headers

if TYPE_CHECKING:
    from dicube_core.dicom.headers import SliceHeader
    from dicube_core.salvage.content import Content
    from dicube_core.salvage.frames import FoundFrames

__all__ = ["losses"]

_UID, _POSITION = 0x00080018, 0x00200032


def losses(content: Content, found: FoundFrames) -> tuple[list[LostFrame], list[SliceHeader]]:
    """Return the lost frames, and the headers of their instances."""
    rows: dict[int, int] = {}
    lost = []
    frame_map, headers = content.frame_map, content.headers
    of_frames = frame_headers(content)
    for frame, cause in sorted(found.causes.items()):
        place = found.wanted[frame]
        offset, length = (-1, -1) if place is None else place
        if headers is None or of_frames is None:
            lost.append(LostFrame(frame, offset, length, "", None, None, cause, None))
            continue
        instance = frame if frame_map is None else frame_map.instance(frame)
        row = rows.setdefault(instance, len(rows))
        number = None if frame_map is None else frame_map.number(frame) + 1
        uid = header_values(headers[instance]).get(_UID, b"").decode("latin-1").strip(" \0")
        try:
            text = header_values(of_frames[frame]).get(_POSITION, b"").decode("latin-1")
        except DicomCubeError:
            text = ""
        position = numbers(text.strip(" \0")) if text else None
        lost.append(LostFrame(frame, offset, length, uid, number, position, cause, row))
    return lost, [] if headers is None else [headers[instance] for instance in rows]
