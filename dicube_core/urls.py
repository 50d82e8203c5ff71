"""Addresses of files in stores: what they look like, and how they are shown."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import os

__all__ = ["is_url", "path_or_url", "shown", "shown_url"]

T = TypeVar("T")

_QUERY = re.compile(r"[?#].*", re.DOTALL)
#: Up to the last @ before the path. Or, where a password was left as it is, with "/", "?" or "#" in
#: it, up to the next @: what stands behind the colon is no port then.
_USER = re.compile(r"(?<=://)(?:[^/?#]*@|[^/?#@:\[]*:(?!:|\d*(?:[/?#]|$))[^@]*@)")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")


def is_url(source: object) -> bool:
    """Tell whether a source is a text with a scheme, such as ``https://...`` or ``s3://...``."""
    return isinstance(source, str) and "://" in source


def shown_url(url: str) -> str:
    """Return an address without what gives access: user, password, query and fragment.

    A signature stands in the query, and whoever reads a log could use it.
    """
    plain = _QUERY.sub("", _USER.sub("", url))
    return plain if _SCHEME.match(plain) or "::" in plain else url


def shown(source: T) -> T | str:
    """Return a source as messages name it: an address by `shown_url`, others as they are."""
    return shown_url(source) if isinstance(source, str) and is_url(source) else source


def path_or_url(text: str | os.PathLike[str]) -> Path | str:
    """Return an address as it is, and anything else as a path: that would join its slashes."""
    return text if isinstance(text, str) and is_url(text) else Path(text)
