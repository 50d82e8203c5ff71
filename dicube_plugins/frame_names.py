"""Names of single frames, for programs that go through the file names of a series.

``study.dcbs#frame=7`` is frame 7 of ``study.dcbs``, counted from 0 in the order of the file. No
file has this name: a program that nothing of ours is in says that it is not there.
"""

from __future__ import annotations

import os
from typing import Any, NamedTuple

from dicube_plugins.sniff import is_dcbs

__all__ = ["FrameName", "frame_name", "parse_frame_name"]

_MARK = "#frame="


class FrameName(NamedTuple):
    """A frame of a file."""

    path: str
    frame: int


def frame_name(path: str | os.PathLike[str], frame: int) -> str:
    """Return the name of a frame."""
    return f"{os.fspath(path)}{_MARK}{frame}"


def parse_frame_name(name: Any) -> FrameName | None:
    """Return what a name stands for; None if it is none of a frame in a ``.dcbs`` file.

    Whether the file has this frame is not looked at. A file that really has such a name is not
    meant.
    """
    if not isinstance(name, str | os.PathLike):
        return None
    text = os.fspath(name)
    if not isinstance(text, str):
        return None
    path, mark, number = text.rpartition(_MARK)
    if not mark or not (number.isascii() and number.isdecimal()) or os.path.lexists(text):
        return None
    return FrameName(path, int(number)) if is_dcbs(path) else None
