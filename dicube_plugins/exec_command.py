"""``dcbs exec``: programs that know nothing of ``.dcbs`` files read them."""

from __future__ import annotations

import sys
import warnings
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["run_script_command"]


@click.command(
    "exec",
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
    options_metavar="",
)
@click.argument("program")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def run_script_command(program: str, arguments: Sequence[str]) -> None:
    """Run a Python program with all adapters on.

    PROGRAM is a console script of this environment (dcbs exec nib-ls series.dcbs), a Python file
    (dcbs exec script.py), or -m and a module. Whatever follows is the program's own. It needs no
    change: its frameworks read .dcbs files as they read others.
    """
    from dicube_plugins.run_script import run_script

    warnings.showwarning = _show  # a program's warnings are its user's business
    sys.exit(run_script(program, arguments))


def _show(*what: Any, **_: Any) -> None:
    """Print a warning as Python does: message, category, file name and line."""
    click.echo(warnings.formatwarning(*what[:4]), err=True, nl=False)
