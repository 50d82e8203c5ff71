"""What an edit did: element by element, never with a patient's values unless asked for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dicube_core.editing.leaves import place_text
from dicube_core.editing.profile import EDITION

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from dicube_core.editing.leak_check import LeakCheck
    from dicube_core.editing.leaves import Change, Leaf
    from dicube_core.editing.profile import Deidentification

__all__ = ["AuditEntry", "AuditTrail", "EditReport"]

_MOST_VALUES = 5
_LONGEST = 64


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One element that changed.

    Parameters
    ----------
    element : str
        Keyword and tag, with the sequences around it.
    vr : str
        Value representation.
    action : str
        ``removed``, ``emptied``, ``replaced`` or ``added``.
    reason : str
        What asked for it: ``edit``, or what the profile says.
    slices : int
        How many source instances it changed in.
    old, new : tuple of str
        Up to five different values, only where they were asked for.
    """

    element: str
    vr: str
    action: str
    reason: str
    slices: int
    old: tuple[str, ...] = ()
    new: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return plain values."""
        facts: dict[str, Any] = {
            "element": self.element,
            "vr": self.vr,
            "action": self.action,
            "reason": self.reason,
            "slices": self.slices,
        }
        if self.old or self.new:
            facts |= {"old": list(self.old), "new": list(self.new)}
        return facts


class AuditTrail:
    """Collects changes; see `AuditEntry`."""

    def __init__(self, reason: Callable[[Change], str], *, show_values: bool) -> None:
        self._reason, self._show = reason, show_values
        self._slices: dict[tuple[str, str, str, str], int] = {}
        self._values: dict[tuple[str, str, str, str], tuple[dict[str, None], dict[str, None]]] = {}

    def note(self, changes: Iterable[Change]) -> None:
        """Take note of the changes of one header."""
        seen = set()
        for change in changes:
            leaf = change.old or change.new
            vr = "" if leaf is None else leaf.vr
            key = (place_text(change.place), vr, change.action, self._reason(change))
            if key not in seen:
                seen.add(key)
                self._slices[key] = self._slices.get(key, 0) + 1
            if self._show:
                old, new = self._values.setdefault(key, ({}, {}))
                for values, which in ((old, change.old), (new, change.new)):
                    if which is not None and len(values) < _MOST_VALUES:
                        values[_shown(which)] = None

    def entries(self) -> tuple[AuditEntry, ...]:
        """Return one entry per element and action, sorted."""
        return tuple(
            AuditEntry(*key, count, *(tuple(v) for v in self._values.get(key, ((), ()))))
            for key, count in sorted(self._slices.items())
        )


def _shown(leaf: Leaf) -> str:
    text = "\\".join(leaf.texts()) if leaf.is_text else f"{len(leaf.value)} bytes"
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


@dataclass(frozen=True, slots=True)
class EditReport:
    """What an edit did to a file.

    Parameters
    ----------
    source, path : Path
        The file read, and the one written; the same where it was edited in place.
    frame_count, instances : int
        Frames copied as bytes, and headers.
    entries : tuple of AuditEntry
        Every element that changed, at every depth, as found by comparing the headers before and
        after.
    warnings : tuple of str
        What a person has to look at.
    unmatched : tuple of str
        Paths that were asked for and that no slice has.
    profile : Deidentification or None
        The options of a de-identification.
    check : LeakCheck or None
        What the new file was searched for, where that was asked for.
    """

    source: Path
    path: Path
    frame_count: int
    instances: int
    entries: tuple[AuditEntry, ...]
    warnings: tuple[str, ...] = ()
    unmatched: tuple[str, ...] = ()
    profile: Deidentification | None = field(default=None, repr=False)
    check: LeakCheck | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, for JSON. File names are left out: they may name a patient."""
        facts: dict[str, Any] = {
            "frames": self.frame_count,
            "instances": self.instances,
            "changes": [entry.to_dict() for entry in self.entries],
            "warnings": list(self.warnings),
            "unmatched": list(self.unmatched),
        }
        if self.profile is not None:
            facts["deidentification"] = {
                "profile": f"DICOM PS3.15 {EDITION} annex E, Basic Profile",
                "options": sorted(option.value for option in self.profile.options),
                "salt": "given" if self.profile.salt else "of this call only",
                "burned_in_accepted": self.profile.accept_burned_in,
            }
        if self.check is not None:
            facts["check"] = {
                "values_searched": self.check.values,
                "not_searched_by_vr": self.check.not_sought,
                "bytes_searched": self.check.bytes_searched,
                "texts_searched": self.check.texts_searched,
                "found": 0,
                "coincidences": [list(pair) for pair in self.check.coincidences],
            }
        return facts
