"""Catch the errors of a native call that reach no caller.

imagecodecs copies lines to and from OpenJPH in a function that cannot raise. When OpenJPH
reports damage there, Python prints the error (`sys.excepthook`), hands it to
`sys.unraisablehook`, and goes on: the caller gets an array that is partly zeros. Both hooks run
in the thread of the call, so they can note the error for that thread.

The hooks stay installed, in front of whatever was there, and pass on everything else. They are
looked at before and after each call, because others (test runners, notebooks) replace them.
Every installation is a new object with its own predecessor, so a hook that wraps an earlier one
of ours cannot make a ring. Two threads that install at once do no harm: either result works.
"""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from dicube_core.exceptions import CodecError

__all__ = ["call_native"]

_T = TypeVar("_T")
_ATTEMPTS = 3


class _Caught(threading.local):
    """Messages of the native call that is running in this thread; None outside of one."""

    messages: list[str] | None = None


_caught = _Caught()


class _UnraisableHook:
    """Notes errors of imagecodecs during a native call of the same thread."""

    def __init__(self, previous: Callable[[sys.UnraisableHookArgs], object]) -> None:
        self.previous = previous

    def __call__(self, unraisable: sys.UnraisableHookArgs, /) -> None:
        messages = _caught.messages
        source = unraisable.object
        # A finaliser that fails meanwhile in this thread names a function here, not a text.
        if messages is None or not (isinstance(source, str) and source.startswith("imagecodecs")):
            self.previous(unraisable)
            return
        # The text only: keeping the exception itself would keep frames alive.
        messages.append(str(unraisable.exc_value))


class _ExceptHook:
    """Keeps the same errors from being printed in between."""

    def __init__(
        self,
        previous: Callable[[type[BaseException], BaseException, TracebackType | None], object],
    ) -> None:
        self.previous = previous

    def __call__(
        self,
        exc_type: type[BaseException],
        exc_value: BaseException,
        traceback: TracebackType | None,
        /,
    ) -> None:
        messages = _caught.messages
        if messages is None or not issubclass(exc_type, RuntimeError):
            self.previous(exc_type, exc_value, traceback)
            return
        messages.append(str(exc_value))


def _installed() -> bool:
    return type(sys.unraisablehook) is _UnraisableHook


def _install() -> None:
    if type(sys.unraisablehook) is not _UnraisableHook:
        sys.unraisablehook = _UnraisableHook(sys.unraisablehook)
    if type(sys.excepthook) is not _ExceptHook:
        sys.excepthook = _ExceptHook(sys.excepthook)


def call_native(function: Callable[[], _T], error: type[CodecError]) -> _T:
    """Run one native call; raise `error` if it failed, also where nobody was told.

    Raises
    ------
    CodecError
        Of the given class.
    """
    for _ in range(_ATTEMPTS):
        _install()
        messages: list[str] = []
        _caught.messages = messages
        try:
            result = function()
        except (RuntimeError, ValueError) as exc:
            # Not kept in a variable: the error knows this frame, and with it the whole image.
            raise error(f"the HTJ2K library failed: {exc.__cause__ or exc}") from exc
        finally:
            _caught.messages = None
        if messages:
            raise error(
                f"the HTJ2K library failed inside the frame: {messages[-1]}",
                suggestion="the compressed data are damaged",
            )
        if _installed():
            return result
        # Replaced during the call: an error may have gone elsewhere, so the result is not used.
    raise error("sys.unraisablehook is replaced again and again, so errors cannot be seen")
