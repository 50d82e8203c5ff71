"""What differs between versions of pydicom in what a decoder plugin sees."""

from __future__ import annotations

from typing import Any

__all__ = ["set_frame_option"]


def set_frame_option(runner: Any, name: str, value: object) -> None:
    """Say what holds for the frame just decoded.

    pydicom 3.0 keeps one value for all frames (`set_option`), later versions one per frame.
    """
    per_frame = getattr(runner, "set_frame_option", None)
    if per_frame is None:
        runner.set_option(name, value)
    else:
        per_frame(runner.index, name, value)
