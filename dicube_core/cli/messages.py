"""What commands say on the standard error, which nobody need read."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["say", "unread", "warn"]


def say(text: str) -> None:
    """Print a line on the standard error, if that can be written to."""
    with unread():
        click.echo(text, err=True)


def warn(text: str) -> None:
    """Print a warning on the standard error, if that can be written to."""
    say(f"dcbs: warning: {text}")


@contextlib.contextmanager
def unread() -> Iterator[None]:
    """Go on where nobody reads the messages: the exit code alone says how it went."""
    try:
        yield
    except OSError:
        # Python would try to write the rest when it ends, and change the exit code.
        with contextlib.suppress(OSError):
            sys.stderr.close()
        # There may be more to say.
        sys.stderr = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115
