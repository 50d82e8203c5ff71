"""Where commands write to: nothing that is there is lost by accident."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from dicube_core.atomic import is_same_file
from dicube_core.exceptions import DataConsistencyError

__all__ = ["refuse_same", "require_free"]


def require_free(out: Path, *, force: bool, source: Path | str | None = None) -> None:
    """Refuse a target that exists, unless it may be replaced.

    Parameters
    ----------
    out : Path
        The file to be written.
    force : bool
        Replace what is there; but never the source.
    source : Path or str, optional
        What is read; an address is no file that could be written to.

    Raises
    ------
    FileExistsError
        It is there.
    DataConsistencyError
        It is the source.
    """
    if not out.exists():
        return
    if not force:
        raise FileExistsError(errno.EEXIST, "it exists; give --force to replace it", str(out))
    if source is not None:
        refuse_same(out, source, "the file that is read")


def refuse_same(one: Path, other: Path | str, what: str) -> None:
    """Refuse a target that is another file of the command, by whatever name or link."""
    if not isinstance(other, Path):
        return
    # Neither need be there yet.
    if os.path.realpath(one) == os.path.realpath(other) or is_same_file(one, other):
        raise DataConsistencyError(f"{one}: it is {what}", suggestion="give another name")
