"""Names of files that come from files: which of them may be used below a folder.

Names may be hostile: absolute, with ``..``, equal but for case or for the way an accent is
written, devices of Windows, options of programs, or showing other characters than they have.
"""

from __future__ import annotations

import unicodedata
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["DEVICE_NAMES", "is_safe_name", "safe_names"]

_DIGITS = (*map(str, range(10)), "\u00b9", "\u00b2", "\u00b3")  # Windows takes superscripts too
#: What Windows takes for a device, in any case and with any ending.
DEVICE_NAMES = frozenset(
    (
        *("con", "prn", "aux", "nul", "clock$", "conin$", "conout$"),
        *(f"{d}{n}" for d in ("com", "lpt") for n in _DIGITS),
    )
)
_FORBIDDEN = frozenset('<>:"|?*\\')
#: Marks that change the direction of writing, so that ``gpj.exe`` may be shown as ``exe.jpg``.
_DIRECTIONS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_LONGEST, _LONGEST_PART = 1024, 255


def safe_names(names: Sequence[str]) -> list[str]:
    """Return the names if all of them may be used below a folder, else numbered ones.

    Parameters
    ----------
    names : sequence of str
        Paths below the folder, with forward slashes.
    """
    folded = {_folded(name) for name in names}
    prefixes = {_folded(parent) for name in names for parent in _parents(name)}
    if len(folded) == len(names) and all(map(is_safe_name, names)) and not folded & prefixes:
        return list(names)
    return [f"slice_{index:04d}.dcm" for index in range(len(names))]


def is_safe_name(name: str) -> bool:
    """Tell whether a path stays below its folder, and is a name on every file system."""
    return len(name) <= _LONGEST and all(map(_is_safe_part, name.split("/")))


def _is_safe_part(part: str) -> bool:
    if part in ("", ".", "..") or part[0] == "-" or part[-1] in " .":
        return False
    # Some file systems and programs replace characters by those that they stand for.
    plain = unicodedata.normalize("NFKC", part)
    if plain in (".", "..") or "/" in plain or "\\" in plain:
        return False
    return (
        len(part.encode("utf-8", "surrogateescape")) <= _LONGEST_PART
        and part.partition(".")[0].rstrip(" ").casefold() not in DEVICE_NAMES
        and not any(map(_is_forbidden, part))
    )


def _is_forbidden(character: str) -> bool:
    return (
        character in _FORBIDDEN
        or character in _DIRECTIONS
        # Controls, halves of characters, ends of lines and paragraphs.
        or unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp")
    )


def _folded(name: str) -> str:
    """Return the same for names that are one file where case or spelling is not told apart."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def _parents(name: str) -> list[str]:
    return [str(parent) for parent in PurePosixPath(name).parents if str(parent) != "."]
