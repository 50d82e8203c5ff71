"""What this process has open."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

__all__ = ["open_files", "opened_since"]

_FOLDER = Path("/proc/self/fd")


def open_files() -> Counter[str]:
    """Return what the descriptors of this process are of; nothing where the system does not say."""
    found: Counter[str] = Counter()
    for entry in _FOLDER.iterdir() if _FOLDER.is_dir() else ():
        try:
            found[str(entry.readlink())] += 1
        except OSError:  # closed meanwhile, as the one that the folder is listed by
            continue
    return found


def opened_since(before: Counter[str]) -> Counter[str]:
    """Return what is open now and was not.

    That less is open proves nothing: what an earlier test left may be closed at any time.
    """
    return open_files() - before
