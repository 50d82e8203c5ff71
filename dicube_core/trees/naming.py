"""Names of files: readable, the same on every run, safe on every file system.

Nothing of the metadata gets into a name unchecked: only ASCII letters, digits, ``-``, ``_`` and
``.`` between them are kept. Every name ends with a hash of what makes the part, so that it depends
neither on what else the tree holds nor on the order in which it is found.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import defaultdict
from typing import TYPE_CHECKING, Literal

from dicube_core.file_names import DEVICE_NAMES
from dicube_core.trees.grouping import plane_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dicube_core.trees.grouping import Part

    NameMode = Literal["description", "number", "uid"]

__all__ = ["NAME_MODES", "part_stem", "unique_names"]

#: How files are named: by modality, number and description; without description; by series UID.
NAME_MODES = ("description", "number", "uid")
_UNSAFE = re.compile(r"[^A-Za-z0-9.]+")
_LONGEST = 64
_HASH, _LONG_HASH = 8, 32


def part_stem(part: Part, mode: NameMode) -> str:
    """Return the readable beginning of a part's name."""
    if mode == "uid":
        return _safe(part.key.series, _LONGEST) or "no-series-uid"
    words = [_safe(part.modality, 16) or "XX", _number(part.number)]
    if mode == "description":
        words.append(_safe(part.description, 40))
        words.append(plane_name(part.orientation))
    if part.localizer:
        words.append("localizer")
    return "_".join(word for word in words if word)


def nifti_stem(path: str) -> str:
    """Return the same for a NIfTI file, by its path below the root."""
    name = path.rpartition("/")[2].lower().removesuffix(".gz").removesuffix(".nii")
    return "_".join(filter(None, ("NIFTI", _safe(path.rpartition("/")[2][: len(name)], 40))))


def unique_names(stems: Sequence[tuple[str, str]]) -> list[str]:
    """Return one file name for each (stem, identity).

    The hash is of eight digits; longer where that would not keep two names apart, also on file
    systems that ignore case.
    """
    names = [_name(stem, identity, _HASH) for stem, identity in stems]
    users: defaultdict[str, set[str]] = defaultdict(set)
    for name, (_, identity) in zip(names, stems, strict=True):
        users[name.lower()].add(identity)
    return [
        _name(stem, identity, _LONG_HASH) if len(users[name.lower()]) > 1 else name
        for name, (stem, identity) in zip(names, stems, strict=True)
    ]


def _name(stem: str, identity: str, digits: int) -> str:
    data = identity.encode("utf-8", "surrogatepass")
    return f"{stem}-{hashlib.sha256(data).hexdigest()[:digits]}.dcbs"


def _number(text: str) -> str:
    digits = text.lstrip("+")
    if digits.isdecimal() and digits.isascii():
        return digits.lstrip("0")[:12].rjust(4, "0")
    return _safe(text, 12) or "0000"


def _safe(text: str, longest: int) -> str:
    """Keep what every file system takes; letters with accents lose them."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode("ascii")
    cleaned = re.sub(r"\.{2,}", ".", _UNSAFE.sub("_", plain))
    kept = cleaned[:longest].strip("._")
    first, point, rest = kept.partition(".")
    # Windows takes some names for devices, whatever follows after the point.
    return f"{first}_{rest}".strip("_") if point and first.lower() in DEVICE_NAMES else kept
