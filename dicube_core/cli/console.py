"""The console that tables are printed on."""

from __future__ import annotations

from typing import NoReturn

from rich.console import Console

__all__ = ["table_console"]


class _Console(Console):
    def on_broken_pipe(self) -> NoReturn:
        """Leave to the command what its exit code is; rich would end with 1, "damaged"."""
        raise BrokenPipeError


def table_console(width: int = 120) -> Console:
    """Return a console on standard output.

    Parameters
    ----------
    width : int
        In characters, where there is no terminal: in a pipe nothing is to be cut to the width of
        a terminal that is not there.
    """
    return _Console(width=None if Console().is_terminal else width)
