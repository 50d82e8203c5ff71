"""The file that a chained URL names, in what `dicube_core.open` takes."""

from __future__ import annotations

import os
from typing import Any

import fsspec

__all__ = ["source_of"]

_LOCAL = frozenset(("file", "local"))


def source_of(fo: Any, protocol: str | None, options: dict[str, Any]) -> Any:
    """Return the source of slices.

    Parameters
    ----------
    fo : str, path or seekable binary file
        The file; a text is a path or URL of the file system below.
    protocol : str or None
        Of that file system, where `fo` does not say it.
    options : dict
        Of that file system.

    Returns
    -------
    str, file, or fsspec.core.OpenFile
        The path of a local file, which is not read through fsspec.
    """
    if not isinstance(fo, str | os.PathLike):
        return fo
    below = fsspec.open(os.fspath(fo), mode="rb", protocol=protocol, **options)
    kinds = below.fs.protocol
    local = _LOCAL.intersection((kinds,) if isinstance(kinds, str) else kinds)
    return below.path if local else below
