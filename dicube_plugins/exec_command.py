"""``dcbs exec``: programs that know nothing of ``.dcbs`` files read them."""

from __future__ import annotations

import sys
import traceback
import warnings
from typing import TYPE_CHECKING, Any

import click

from dicube_core.cli.messages import unread

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
    from dicube_plugins.run_script import find_program, run_script

    find_program(program, arguments)  # that there is none is for us to say
    warnings.showwarning = _show  # a program's warnings are its user's business
    try:
        ended = run_script(program, arguments)
    except Exception:  # noqa: BLE001 - so are its errors, which show where they come from
        traceback.print_exc()
        ended = 1
    sys.exit(ended)


def _show(*what: Any, **_: Any) -> None:
    """Print a warning as Python does: message, category, file name and line; or nobody reads it."""
    with unread():
        click.echo(warnings.formatwarning(*what[:4]), err=True, nl=False)
