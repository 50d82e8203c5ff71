"""The command ``dcbs``."""

from __future__ import annotations

import os
import sys
from pathlib import Path

__all__ = ["main"]


def main() -> None:
    """Run ``dcbs`` with the arguments of the process, and exit."""
    from dicube_core.cli.exits import Exit

    _fill_standard_streams()
    try:
        from dicube_core.cli.app import dcbs
    except ImportError as exc:
        if exc.name not in ("click", "rich"):
            raise
        sys.stderr.write(
            f"dcbs: error: the command line needs {exc.name}: pip install 'dicube-plugins[cli]'\n"
        )
        sys.exit(Exit.MISSING_DEPENDENCY)
    except KeyboardInterrupt:
        sys.stderr.write("dcbs: interrupted\n")
        sys.exit(Exit.INTERRUPTED)
    from dicube_core.cli.signals import stop_when_told

    stop_when_told()
    dcbs(prog_name="dcbs")


def _fill_standard_streams() -> None:
    """Open the null device for each standard stream that the caller has closed (``2>&-``).

    Else the first file that is opened gets its number, and what a library in C writes to its
    standard error would go into that file. The processes that are started have them as well.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            # The lowest number that is free is this one.
            stream = Path(os.devnull).open("w" if number else "r", encoding="utf-8")  # noqa: SIM115
            os.set_inheritable(stream.fileno(), True)
            setattr(sys, name, stream)
