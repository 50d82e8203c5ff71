"""The command ``dcbs``."""

from __future__ import annotations

import sys

__all__ = ["main"]


def main() -> None:
    """Run ``dcbs`` with the arguments of the process, and exit."""
    from dicube_core.cli.exits import Exit

    try:
        from dicube_core.cli.app import dcbs
    except ImportError as exc:
        if exc.name not in ("click", "rich"):
            raise
        sys.stderr.write(
            f"dcbs: error: the command line needs {exc.name}: pip install 'dicube-plugins[cli]'\n"
        )
        sys.exit(Exit.MISSING_DEPENDENCY)
    from dicube_core.cli.signals import stop_when_told

    stop_when_told()
    dcbs(prog_name="dcbs")
