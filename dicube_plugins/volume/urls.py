"""Addresses that were taken for paths."""

from __future__ import annotations

import os
import re

__all__ = ["as_given", "ends_as_ours"]

#: Of two characters at least: one letter is a drive. Chains (``zip://x::s3://...``) have several.
_SCHEME = "[A-Za-z][A-Za-z0-9+.-]+"
_CUT = re.compile(f"(?:{_SCHEME}::)*{_SCHEME}:/(?=[^/])")
_SLASH = re.compile(f"(?:(?<=::)|^)({_SCHEME}):/(?=[^/])")


def as_given(path: str | os.PathLike[str]) -> str:
    """Return a path as text, and an address as it was before `pathlib` made one slash of two.

    Frameworks that take paths make ``https:/host/x.dcbs`` of ``https://host/x.dcbs``, and
    ``file:/x.dcbs`` of ``file:///x.dcbs``.
    """
    text = os.fspath(path)
    if _CUT.match(text) and not os.path.lexists(text):
        return _SLASH.sub(lambda cut: "file:///" if cut[1] == "file" else f"{cut[1]}://", text)
    return text


def ends_as_ours(path: str | os.PathLike[str]) -> bool:
    """Tell whether a path ends in ``.dcbs``, or an address less its query (a signature, say)."""
    text = as_given(path).lower()
    return text.endswith(".dcbs") or ("://" in text and text.partition("?")[0].endswith(".dcbs"))
