"""The standard output: lines, tables and bytes."""

from __future__ import annotations

import errno
import os
import sys
from contextlib import contextmanager
from io import TextIOWrapper
from typing import TYPE_CHECKING, Any, BinaryIO, NoReturn

import click

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console

__all__ = ["binary_output", "put", "table_console"]

_NAME = "standard output"


def put(text: str) -> None:
    """Print a line."""
    with _named():
        _escape_what_it_lacks()
        click.echo(text)


@contextmanager
def binary_output() -> Iterator[BinaryIO]:
    """Give the standard output to write bytes to.

    Raises
    ------
    OSError
        The caller has closed it, so that they would be lost.
    """
    if sys.stdout is None or sys.__stdout__ is None:
        raise OSError(errno.EBADF, os.strerror(errno.EBADF), _NAME)
    with _named():
        yield sys.stdout.buffer


def table_console(width: int = 120) -> Console:
    """Return a console on the standard output.

    Parameters
    ----------
    width : int
        In characters, where there is no terminal: in a pipe nothing is to be cut to the width of
        a terminal that is not there.
    """
    from rich.console import Console

    class _Console(Console):
        def print(self, *objects: Any, **options: Any) -> None:
            with _named():
                _escape_what_it_lacks()
                super().print(*objects, **options)

        def on_broken_pipe(self) -> NoReturn:
            """Leave to the command what its exit code is; rich would end with 1, "damaged"."""
            raise BrokenPipeError

    return _Console(width=None if Console().is_terminal else width)


def _escape_what_it_lacks() -> None:
    """Escape letters of names that its encoding does not have, as Python does in messages.

    Latin-1 has no Cyrillic, and no encoding has bytes of a file name that are no text.
    """
    if isinstance(sys.stdout, TextIOWrapper) and sys.stdout.errors == "strict":
        sys.stdout.reconfigure(errors="backslashreplace")


@contextmanager
def _named() -> Iterator[None]:
    """Have errors say that it is the standard output that could not be written."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as exc:
        if exc.filename is not None:
            raise
        raise OSError(exc.errno, exc.strerror, _NAME) from exc
