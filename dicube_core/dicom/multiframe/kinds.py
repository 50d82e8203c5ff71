"""Which instances have frames that are images of their own, and of which class (PS3.4 B.5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dicube_core.dataset.elements import walk
from dicube_core.dataset.find import header_values
from dicube_core.exceptions import MetaDataError

if TYPE_CHECKING:
    from dicube_core.dicom.headers import SliceHeader

__all__ = [
    "NUMBER_OF_FRAMES",
    "PER_FRAME_GROUPS",
    "SHARED_GROUPS",
    "frames_text",
    "has_groups",
    "is_multiframe",
    "number_of_frames",
    "single_frame_class",
]

SHARED_GROUPS = 0x52009229
PER_FRAME_GROUPS = 0x52009230
NUMBER_OF_FRAMES = 0x00280008
_BASE = "1.2.840.10008.5.1.4.1.1."
_CT, _MR, _PT, _US, _SC = (_BASE + end for end in ("2", "4", "128", "6.1", "7"))

#: Multi-frame class -> class of one of its frames. Others have no single-frame class of their own.
_SINGLE = {
    _BASE + end: single
    for single, ends in {
        _CT: ("2.1", "2.2"),
        _MR: ("4.1", "4.4"),
        _PT: ("130", "128.1"),
        _US: ("3.1", "3"),
        _SC: ("7.1", "7.2", "7.3", "7.4"),
    }.items()
    for end in ends
}


def single_frame_class(sop_class: str) -> str:
    """Return the class of one frame: that of single-frame images where there is one."""
    return _SINGLE.get(sop_class, sop_class)


def frames_text(text: str) -> int:
    """Return the number that Number of Frames says; 1 where it is absent or says 0.

    Raises
    ------
    MetaDataError
        It is not a number of frames.
    """
    text = text.strip(" \0")
    if text in ("", "0"):
        return 1
    digits = text.removeprefix("+")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 12 and int(digits)):
        raise MetaDataError(f"NumberOfFrames {text!r} is not a number of frames")
    return int(digits)


def number_of_frames(header: SliceHeader) -> int:
    """Return the number of frames that a header announces."""
    return frames_text(header_values(header).get(NUMBER_OF_FRAMES, b"").decode("latin-1"))


def has_groups(header: SliceHeader) -> bool:
    """Whether an instance describes its frames in functional groups (PS3.3 C.7.6.16)."""
    mark = b"\x00\x52\x30\x92"
    if mark not in header.head:
        return False
    return any(found.tag == PER_FRAME_GROUPS for found in walk(header.head, header.encoding))


def is_multiframe(header: SliceHeader, frame_count: int | None = None) -> bool:
    """Whether the frames of an instance are delivered as images of their own.

    That is so for several frames, and for one that functional groups describe.

    Parameters
    ----------
    frame_count : int, optional
        What the header announces, where this is known already.
    """
    announced = number_of_frames(header) if frame_count is None else frame_count
    return announced > 1 or has_groups(header)
