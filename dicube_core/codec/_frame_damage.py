"""The one kind of error of the readers of compressed frames: where, expected, found."""

from __future__ import annotations

from dicube_core.exceptions import DecodeError

__all__ = ["frame_damage"]


def frame_damage(what: str, offset: int, expected: object, found: object) -> DecodeError:
    """Make an error that names a byte of the frame."""
    return DecodeError(
        f"{what} at byte {offset} of the frame: expected {expected}, found {found}",
        suggestion="the frame is damaged or another file's; get it from an intact copy",
        details={"marker": what, "offset": offset},
    )
