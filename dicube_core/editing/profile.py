"""The Basic Application Level Confidentiality Profile and its options (DICOM PS3.15 annex E)."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING

from dicube_core.dataset._vr import public_vr
from dicube_core.editing import _profile_options as tables
from dicube_core.editing.uids import MIN_SALT
from dicube_core.exceptions import DataConsistencyError, MissingDependencyError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["EDITION", "Action", "Deidentification", "Option", "action_of", "profile_table"]

#: Edition of the standard that the table is of.
EDITION = "2026c"
_DATES = frozenset(("DA", "DT", "TM"))


class Action(StrEnum):
    """What is done to an attribute (PS3.15 table E.1-1a)."""

    REMOVE = "X"
    EMPTY = "Z"
    DUMMY = "D"
    NEW_UID = "U"
    KEEP = "K"
    CLEAN = "C"
    SHIFT = "C (dates)"


class Option(StrEnum):
    """Options of the profile, by the names that the command line takes."""

    RETAIN_UIDS = "retain-uids"
    FULL_DATES = "retain-full-dates"
    MODIFIED_DATES = "retain-modified-dates"
    RETAIN_DEVICE = "retain-device"
    RETAIN_INSTITUTION = "retain-institution"
    RETAIN_PATIENT = "retain-patient-characteristics"
    CLEAN_DESCRIPTORS = "clean-descriptors"
    SAFE_PRIVATE = "retain-safe-private"


@dataclass(frozen=True, slots=True)
class Deidentification:
    """How to de-identify.

    Parameters
    ----------
    options : frozenset of Option
        None: the Basic Profile alone.
    salt : bytes
        Secret of at least 16 bytes that new UIDs and the shift of dates follow from. Files
        edited with the same salt agree with each other. By default a new one for each call, so
        that no file agrees with any other.
    accept_burned_in : bool
        Go on where BurnedInAnnotation is YES. Pixels are never changed.

    Raises
    ------
    ValueError
        There is no such option.
    DataConsistencyError
        The salt is too short.
    """

    options: frozenset[Option] = frozenset()
    salt: bytes = field(default=b"", repr=False)
    accept_burned_in: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "options", frozenset(Option(o) for o in self.options))
        if self.salt and len(self.salt) < MIN_SALT:
            raise DataConsistencyError(
                f"the salt has {len(self.salt)} bytes, at least {MIN_SALT} are needed",
                suggestion="make one with: head -c 32 /dev/urandom > salt",
            )
        if {Option.FULL_DATES, Option.MODIFIED_DATES} <= self.options:
            raise DataConsistencyError("dates can be retained in full or modified, not both")


#: Categories of the library's table; a compound action (PS3.15 E.1.1) is resolved to the one that
#: leaves an instance of every IOD conformant, whatever the type of the attribute in it.
_CATEGORIES = {
    "X_TAGS": Action.REMOVE,
    "Z_TAGS": Action.EMPTY,
    "D_TAGS": Action.DUMMY,
    "U_TAGS": Action.NEW_UID,
    "Z_D_TAGS": Action.DUMMY,
    "X_Z_TAGS": Action.EMPTY,
    "X_D_TAGS": Action.DUMMY,
    "X_Z_D_TAGS": Action.DUMMY,
    "X_Z_U_STAR_TAGS": Action.NEW_UID,
}


@lru_cache(maxsize=1)
def profile_table() -> tuple[Mapping[int, Action], tuple[tuple[int, int, Action], ...]]:
    """Return the actions by tag, and those of repeating groups as (tag, mask, action).

    Raises
    ------
    MissingDependencyError
        The package with the table is not installed.
    """
    try:
        from dicomanonymizer.dicom_anonymization_databases import dicomfields_2026c as table
    except ImportError as error:
        raise MissingDependencyError(
            "de-identification needs the profile table of dicom-anonymizer 2.1 or newer",
            suggestion="pip install 'dicube-plugins[deidentify]'",
        ) from error
    single: dict[int, Action] = {}
    repeating = []
    for name, action in _CATEGORIES.items():
        for numbers in getattr(table, name):
            tag = numbers[0] << 16 | numbers[1]
            if len(numbers) == 2:
                single[tag] = action
            else:
                repeating.append((tag, numbers[2] << 16 | numbers[3], action))
    return single, tuple(repeating)


@lru_cache(maxsize=1 << 14)
def action_of(tag: int, options: frozenset[Option]) -> Action | None:
    """Return what the profile does to a public attribute, None where it does not list it."""
    single, repeating = profile_table()
    basic = single.get(tag)
    if basic is None:
        basic = next((a for t, mask, a in repeating if tag & mask == t & mask), None)
    return basic if basic is None else _retained(tag, options) or basic


def _retained(tag: int, options: frozenset[Option]) -> Action | None:
    """Return what an option makes of a listed attribute, None where none speaks of it."""
    if Option.RETAIN_UIDS in options and _is_uid(tag):
        return Action.KEEP
    if _is_time(tag) and options & {Option.FULL_DATES, Option.MODIFIED_DATES}:
        return Action.KEEP if Option.FULL_DATES in options else Action.SHIFT
    for option, tags, action in (
        (Option.RETAIN_DEVICE, tables.DEVICE, Action.KEEP),
        (Option.RETAIN_INSTITUTION, tables.INSTITUTION, Action.KEEP),
        (Option.RETAIN_PATIENT, tables.PATIENT_CHARACTERISTICS, Action.KEEP),
        (Option.RETAIN_PATIENT, tables.CLEANED_CHARACTERISTICS, Action.CLEAN),
        (Option.CLEAN_DESCRIPTORS, tables.DESCRIPTORS, Action.CLEAN),
    ):
        if option in options and tag in tags:
            return action
    return None


def _is_uid(tag: int) -> bool:
    return public_vr(tag) == "UI" or tag in tables.RETAINED_UID_SEQUENCES


def _is_time(tag: int) -> bool:
    if tag in tables.NEVER_RETAINED_DATES:
        return False
    return public_vr(tag) in _DATES or tag in tables.RETAINED_TIMES
