"""What may come of reading a malformed file, and how it is told."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from dicube_core.exceptions import DicomCubeError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from reliability.malformed.variant import Probe, Variant

__all__ = ["BASE", "GOOD", "Expected", "Outcome", "Result", "judge", "unclear_reason"]

#: Family of the good files themselves, which the others are compared with.
BASE = "(base)"


class Outcome(StrEnum):
    """What came of one probe of one file."""

    RIGHT = "right"
    CLEAR = "clear error"
    WRONG = "wrong data"
    ACCEPTED = "accepted"
    UNCLEAR = "unclear error"
    UNCLEAN = "unclean exception"
    CRASH = "crash"
    HANG = "hang"
    MEMORY = "memory"
    LITTER = "litter"


GOOD = frozenset((Outcome.RIGHT, Outcome.CLEAR))


@dataclass(frozen=True, slots=True)
class Expected:
    """What a probe tells of the good file: its facets, or the refusal of this kind of file."""

    facets: Mapping[str, str] | None = None
    refusal: str = ""


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one probe of one variant."""

    base: str
    family: str
    name: str
    probe: str
    outcome: Outcome
    text: str = ""
    facets: Mapping[str, str] | None = None

    @property
    def good(self) -> bool:
        """Whether it is one of the two outcomes that are allowed."""
        return self.outcome in GOOD

    @property
    def place(self) -> str:
        """What ``--only`` takes to run this one again."""
        return f"{self.base}/{self.family}/{self.name}"


#: Words of the interpreter and its libraries, which say nothing to who gave the file.
_INTERNALS = re.compile(
    r"NoneType|Traceback|object has no attribute|has no attribute '|not subscriptable"
    r"|unhashable|object is not iterable|not callable|object at 0x|<class '|<built-in"
    r"|unsupported operand|must be str, not|must be real number|argument must be|got an unexpected"
    r"|list index out of range|tuple index|dictionary update sequence|values to unpack"
    r"|object cannot be interpreted|codec can't|invalid literal for|could not convert string"
    r"|cannot reshape|broadcast|buffer is smaller|requires a buffer|unpack_from|KeyError"
    r"|maximum recursion|too large to convert|int too (big|large)|\bNone\b, NoneType"
    r"|not supported between|math domain|division by zero|list indices|out of bounds for"
    r"|\b(IMCD|ZSTD|OPJ|JXL)_[A-Z]|\b[A-Z]\w+\(\w+=|dtype\(|array\(|\[Errno|0x[0-9a-f]{12}"
)
#: What an error has to speak of: the part of the file, of the image, or all of it.
_PLACE = re.compile(
    r"byte \d|slice_\d|dicom_status|dicom_meta|[a-z][A-Z]\w+|\([0-9A-F]{4},[0-9A-F]{4}\)"
    r"|\b(frames?|slices?|sections?|part|block|headers?|metadata|space|geometry|encodings?|map"
    r"|file|format|image|elements?|volumes?)\b"
)
_SHORTEST_CAUSE = 8
_LONGEST_TEXT = 3000
_KEPT_TEXT = 4000
_MAGIC = b"DCMCUBES"


def unclear_reason(text: str, path: Path, *, named: bool = True) -> str:
    """Return what is wrong with the text of an error; empty if nothing is.

    Parameters
    ----------
    text : str
        What the user reads.
    path : Path
        The malformed file.
    named : bool
        Whether the text has to name it, and to be in our words: that of a framework about a
        file that is none of ours may be anything.
    """
    if named and path.name not in text:
        return "does not name the file"
    cause = text.replace(str(path), "").replace(path.name, "").strip(" :'\"/")
    if len(cause) < _SHORTEST_CAUSE:
        return "says no cause"
    if named and not _PLACE.search(cause):
        return "says no place in the file"
    found = _INTERNALS.search(text)
    if found and named:
        return f"has internals in it ({found.group(0)})"
    if len(text) > _LONGEST_TEXT:
        return f"is {len(text)} characters long"
    if any(not c.isprintable() and c not in "\n\t" for c in text):
        return "has control characters or such that cannot be printed in it"
    return ""


def judge(
    probe: Probe, variant: Variant, data: bytes, path: Path, folder: Path, expected: Expected | None
) -> Result:
    """Run a probe in this process and say what came of it.

    Parameters
    ----------
    probe, variant
        What to run, on what.
    data : bytes
        The variant, as it stands in `path`.
    path : Path
        The file, alone in its folder.
    folder : Path
        Empty; the probe may write there.
    expected : Expected or None
        What the probe tells of the base; None while that is being found out.
    """

    facets: Mapping[str, str] | None = None
    try:
        facets = probe.read(path, folder)
        outcome, text = _compare(probe, variant, facets, expected)
    except MemoryError as exc:
        outcome, text = Outcome.MEMORY, repr(exc)
    except DicomCubeError as exc:
        outcome, text = _of_error(exc, path, named=True)
    except probe.errors as exc:
        # What does not begin like a file of ours is read by the framework alone, in its words.
        outcome, text = _of_error(exc, path, named=False)
        if data.startswith(_MAGIC):
            outcome, text = Outcome.UNCLEAN, f"an error of others for a file of ours: {text}"
    except Exception as exc:  # noqa: BLE001 - what must not happen is what is looked for
        outcome, text = Outcome.UNCLEAN, f"{type(exc).__name__}: {exc}"
    litter = _litter(path, folder, data, refused=facets is None)
    if litter and outcome in GOOD:
        outcome, text = Outcome.LITTER, f"{litter}, after: {text or 'data'}"
    return Result(
        variant.base, variant.family, variant.name, probe.name, outcome, text[:_KEPT_TEXT], facets
    )


def _of_error(error: BaseException, path: Path, *, named: bool) -> tuple[Outcome, str]:
    text = str(error)
    reason = unclear_reason(text, path, named=named)
    told = f"{type(error).__name__}: {text}"
    return (Outcome.UNCLEAR, f"{reason}: {told}") if reason else (Outcome.CLEAR, told)


def _compare(
    probe: Probe, variant: Variant, facets: Mapping[str, str], expected: Expected | None
) -> tuple[Outcome, str]:
    """Compare with the base. A facet may be made of several: ``"pixels+geometry"``."""
    if expected is None:
        return Outcome.RIGHT, ""
    good = expected.facets
    if good is None:
        good = dict.fromkeys(facets, "")
    unproven = variant.plain or variant.nothing_to_compare
    free = variant.may_differ if unproven else variant.may_differ - probe.proves
    different = [
        key
        for key in sorted({*good, *facets})
        if good.get(key) != facets.get(key) and not free.intersection(key.split("+"))
    ]
    if different:
        return Outcome.WRONG, f"other {', '.join(different)} than the base, without an error"
    if variant.refused or (probe.reads_all and variant.under_checksums):
        return Outcome.ACCEPTED, "read without an error, but it has to be refused"
    return Outcome.RIGHT, ""


def _litter(path: Path, folder: Path, data: bytes, *, refused: bool) -> str:
    """Return what a probe left where nothing should be, or changed in the file that it read."""
    if not path.is_file() or path.read_bytes() != data:
        return "the file that was read is not what it was"
    beside = [other.name for other in path.parent.iterdir() if other != path]
    left = [str(other.relative_to(folder)) for other in folder.rglob("*")] if refused else []
    found = beside + left
    return f"left {', '.join(sorted(found)[:5])}" if found else ""
