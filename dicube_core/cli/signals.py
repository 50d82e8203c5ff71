"""End a command that is told to stop as Ctrl-C ends it, so that nothing half written stays."""

from __future__ import annotations

import signal
from typing import NoReturn

__all__ = ["Terminated", "stop_when_told"]

#: By a service manager or a batch system, and by a terminal that is closed.
_NAMES = ("SIGTERM", "SIGHUP")


class Terminated(KeyboardInterrupt):
    """The process was told to stop."""


def _stop(number: int, _: object) -> NoReturn:
    raise Terminated(signal.Signals(number).name)


def stop_when_told() -> None:
    """Raise `Terminated` in the main thread at such a signal, unless it has a handler.

    Left to itself it ends the process at once, and a temporary file lies there until the next
    save to the same name.
    """
    for name in _NAMES:
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, _stop)
