"""Ctrl-C at any line of a module."""

from __future__ import annotations

import linecache
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Container
    from types import FrameType

__all__ = ["interrupted"]


def interrupted(
    file: str,
    step: int,
    work: Callable[[], Any],
    *,
    apart: Container[str] = (),
    leaving: bool = True,
) -> bool:
    """Raise KeyboardInterrupt at a line of a module, in this thread.

    Parameters
    ----------
    file : str
        The module's file.
    step : int
        Which of the lines that are run, the first is 1.
    work : callable
        What runs them.
    apart : container of str
        Functions of the module that are not interrupted.
    leaving : bool
        Also where a ``with`` block is left: its line comes again before that, but the interpreter
        looks for signals only after it has called ``__exit__``.

    Returns
    -------
    bool
        False if fewer lines were run.
    """
    seen = 0
    entered: set[tuple[int, int]] = set()

    def tracer(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal seen
        if frame.f_code.co_filename != file or frame.f_code.co_name in apart:
            return None
        if event == "line":
            place = id(frame), frame.f_lineno
            if leaving or place not in entered or not _is_with(file, frame.f_lineno):
                entered.add(place)
                seen += 1
                if seen == step:
                    raise KeyboardInterrupt
        return tracer

    before = sys.gettrace()
    sys.settrace(tracer)
    try:
        work()
    except KeyboardInterrupt:
        return True
    finally:
        sys.settrace(before)
    return False


def _is_with(file: str, number: int) -> bool:
    return linecache.getline(file, number).lstrip().startswith("with ")
