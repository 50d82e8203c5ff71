"""Which removed values are looked for in the new file, and in what form.

The rule is in ``docs/editing.md``: what is long enough to mean something, and is neither a code,
a number of a measurement nor a time of day.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import TYPE_CHECKING

from dicube_core.editing._profile_options import IDENTIFYING
from dicube_core.editing.leaves import FILE_NAME, place_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dicube_core.editing.leaves import Change, Leaf

__all__ = ["RemovedKind", "RemovedValues", "Standing", "Wanted"]

#: VRs whose values say what kind of thing, how much or at what time of day: never looked for.
_NOT_SOUGHT = frozenset(("AS", "AT", "CS", "DS", "FD", "FL", "IS", "SL", "SS", "SV", "TM")) | {
    *("UL", "US", "UV"),
}
_STANDARD_ROOT = "1.2.840.10008."
_MIN_TEXT, _MIN_DIGITS, _MIN_BINARY, _MIN_OTHER_SCRIPT = 4, 6, 16, 2
_PRINTABLE = re.compile(rb"[\x20-\x7e\r\n\t]+[\0 ]*")
_UID = re.compile(r"[0-9]+(\.[0-9]+)+")
_PART = re.compile(r"[\^=\s,;]+")
_UID_MIN = 10
#: File meta information that names a program, and no patient: Implementation Class UID and
#: Version Name.
_PROGRAM = frozenset((0x00020012, 0x00020013))


class RemovedKind(StrEnum):
    """How a removed value is looked for."""

    TEXT = "text"
    NAME = "name"
    UID = "uid"
    BINARY = "binary"


class Standing(IntEnum):
    """How much a removed value may tell; the greater, the fewer places it may stand in."""

    PRIVATE = 0
    """From private elements alone."""
    OTHER = 1
    IDENTIFYING = 2
    """A UID, a whole person name, or from another element that tells a patient apart."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """One value to look for.

    Parameters
    ----------
    kind : RemovedKind
        How.
    text : str
        Text or UID; empty for binary values.
    value : bytes
        The value as it stood in the header.
    standing : Standing
        Where it came from.
    """

    kind: RemovedKind
    text: str
    value: bytes
    standing: Standing = Standing.OTHER


@dataclass(slots=True)
class RemovedValues:
    """Collects what was removed, and what was written in its place.

    Attributes
    ----------
    not_sought : Counter
        VR -> how many removed values are of a kind that is never looked for, or too short.
    """

    _wanted: dict[Wanted, str] = field(default_factory=dict)
    _written: set[str] = field(default_factory=set)
    _written_values: set[bytes] = field(default_factory=set)
    _seen: set[tuple[str, bytes, bool]] = field(default_factory=set)
    not_sought: Counter[str] = field(default_factory=Counter)

    def note(self, changes: Iterable[Change]) -> None:
        """Take note of the changes of one header."""
        for change in changes:
            if change.new is not None and change.new.value:
                self._note_written(change.new)
            if change.old is not None and change.old.value:
                self._note_removed(change.old)

    def _note_written(self, leaf: Leaf) -> None:
        key = (leaf.vr, leaf.value, True)
        if key not in self._seen:
            self._seen.add(key)
            self._written_values.add(leaf.value)
            if leaf.is_text:
                self._written.update(leaf.texts())

    def _note_removed(self, leaf: Leaf) -> None:
        key = (leaf.vr, leaf.value, False)
        if key in self._seen:
            return
        self._seen.add(key)
        found = [] if leaf.place == FILE_NAME else _wanted(leaf)
        where = place_text(leaf.place)
        for wanted in found:
            self._wanted.setdefault(wanted, where)
        if not found:
            self.not_sought[leaf.vr] += 1

    def wanted(self) -> dict[Wanted, str]:
        """Return what is to be looked for, and the element each came from.

        What the edit itself writes is no removed value, nor is what stands within it.
        """
        texts = [t.lower() for t in self._written if not _UID.fullmatch(t)]
        result = {}
        for wanted, where in self._wanted.items():
            if wanted.kind is RemovedKind.BINARY:
                again = wanted.value in self._written_values
            elif wanted.kind is RemovedKind.UID:
                again = wanted.text in self._written
            else:
                again = any(wanted.text.lower() in written for written in texts)
            if not again:
                result[wanted] = where
        return result

    def names(self) -> set[str]:
        """Return the texts that must not stand in file names, lower case."""
        return {w.text.lower() for w in self.wanted() if w.kind is not RemovedKind.BINARY}


def _wanted(leaf: Leaf) -> list[Wanted]:
    if leaf.vr in _NOT_SOUGHT or leaf.tag in _PROGRAM:
        return []
    private = not isinstance(leaf.place, str) and any(tag & 0x10000 for tag, _ in leaf.place)
    plain = Standing.PRIVATE if private else Standing.OTHER
    if not leaf.is_text:
        return _binary(leaf.value, plain)
    if leaf.vr == "UI":
        return [
            Wanted(RemovedKind.UID, text, text.encode("latin-1", "replace"), Standing.IDENTIFYING)
            for text in leaf.texts()
            if _is_own_uid(text)
        ]
    if leaf.vr == "PN":
        return [
            # One part of a name may be a word of equipment (a phantom's, say); a whole name not.
            Wanted(RemovedKind.NAME, part, b"", Standing.IDENTIFYING if part == text else plain)
            for text in leaf.texts()
            for part in (text, *_PART.split(text))
            if _is_long(part)
        ]
    raw = leaf.value.rstrip(b"\0 ")
    standing = Standing.IDENTIFYING if leaf.tag in IDENTIFYING else plain
    return [Wanted(RemovedKind.TEXT, t, raw, standing) for t in leaf.texts() if _is_long(t)]


def _binary(value: bytes, standing: Standing) -> list[Wanted]:
    # Elements of an unknown VR often are text.
    if _PRINTABLE.fullmatch(value):
        text = value.decode("ascii").strip(" \0\r\n\t")
        if _is_own_uid(text):
            return [Wanted(RemovedKind.UID, text, text.encode("ascii"), Standing.IDENTIFYING)]
        sought = _is_long(text)
        return [Wanted(RemovedKind.TEXT, text, text.encode("ascii"), standing)] if sought else []
    if len(value) >= _MIN_BINARY and len(set(value)) >= 4:
        return [Wanted(RemovedKind.BINARY, "", value, standing)]
    return []


def _is_own_uid(text: str) -> bool:
    return (
        len(text) >= _UID_MIN
        and _UID.fullmatch(text) is not None
        and not text.startswith(_STANDARD_ROOT)
    )


def _is_long(text: str) -> bool:
    if text.isascii():
        digits = text.replace(".", "").replace("-", "").isdecimal()
        return len(text) >= (_MIN_DIGITS if digits else _MIN_TEXT)
    return len(text) >= _MIN_OTHER_SCRIPT
