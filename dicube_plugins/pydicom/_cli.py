"""``pydicom dcbs FILE``: print the header of a series or slice, as ``pydicom show`` does."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from dicube_core.exceptions import DicomCubeError
from dicube_plugins.pydicom._api import dcmread

if TYPE_CHECKING:
    import argparse

__all__ = ["add_subparser"]


def add_subparser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command; called by pydicom for the entry point ``pydicom_subcommands``."""
    parser = subparsers.add_parser("dcbs", description="Display the header of a .dcbs file")
    parser.add_argument("file", help="the .dcbs file")
    parser.add_argument("--frame", type=int, help="show one slice, 0-based, not the whole series")
    parser.set_defaults(func=_show)


def _show(arguments: argparse.Namespace) -> None:
    try:
        shown = dcmread(arguments.file, stop_before_pixels=True, frame=arguments.frame)
    except (DicomCubeError, OSError) as exc:
        raise SystemExit(f"pydicom dcbs: {exc}") from exc
    sys.stdout.write(f"{shown}\n")
