"""Addresses that were taken for paths."""

from __future__ import annotations

import os
import re

__all__ = ["as_given"]

#: Of two characters at least: one letter is a drive.
_CUT = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):/(?=[^/])")


def as_given(path: str | os.PathLike[str]) -> str:
    """Return a path as text, and an address as it was before `pathlib` made one slash of two.

    Frameworks that take paths make ``https:/host/x.dcbs`` of ``https://host/x.dcbs``.
    """
    text = os.fspath(path)
    if _CUT.match(text) and not os.path.lexists(text):
        return _CUT.sub(r"\1://", text, count=1)
    return text
