"""What a conversion of a tree did: one row per file, and everything that is in none."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from dicube_core.exceptions import DicomCubeError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Outcome", "TreeReport", "TreeRow", "error_text"]


class Outcome(StrEnum):
    """What became of the instances of a row."""

    CONVERTED = "converted"
    ALREADY_THERE = "already there"
    REFUSED = "refused"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class TreeRow:
    """One file, or instances that did not get into one.

    Parameters
    ----------
    file : str
        Name below the folder of results; empty where there is none.
    study, series : str
        Study and Series Instance UID; empty where missing, or for NIfTI.
    modality, number, description : str
        Of the series, as the headers say; ``NIFTI``, empty and the name for NIfTI.
    part : str
        What of the series it holds: ``localizer``, the plane.
    shape : tuple of int
        Of the array in the file, frames first; empty where there is none.
    dtype : str
        numpy name of the stored type, empty where there is none.
    source_bytes, file_bytes : int
        Sizes of the sources together, and of the file.
    seconds : float
        Time that the conversion took, or finding out that it is not needed.
    outcome : Outcome
        What became of it.
    reason : str
        Why it was refused or failed.
    status : str
        Value of `DicomStatus`, empty where unknown.
    findings : tuple of str
        What is odd about the geometry, in words.
    sources : tuple of str
        Paths below the root, of all instances that belong to the row.
    copies : tuple of (copy, original)
        Files with the very same bytes as one of `sources`.
    """

    file: str
    study: str
    series: str
    modality: str
    number: str
    description: str
    part: str
    shape: tuple[int, ...]
    dtype: str
    source_bytes: int
    file_bytes: int
    seconds: float
    outcome: Outcome
    reason: str = ""
    status: str = ""
    findings: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    copies: tuple[tuple[str, str], ...] = ()

    @property
    def frames(self) -> int:
        """Number of frames in the file."""
        return self.shape[0] if self.shape else 0


@dataclass(frozen=True, slots=True)
class TreeReport:
    """What became of every file of a tree.

    Every file found is in the `sources` or `copies` of exactly one row, or in `left_out`.

    Parameters
    ----------
    source, out_folder : Path
        What was converted, and where to.
    rows : tuple of TreeRow
        By study, series number and series; then files that could not be read, then NIfTI.
    left_out : tuple of (path, reason)
        Files that are neither DICOM instances nor NIfTI.
    seconds : float
        Of everything, with the search for files.
    jobs : int
        Processes that worked on it.
    """

    source: Path
    out_folder: Path
    rows: tuple[TreeRow, ...]
    left_out: tuple[tuple[str, str], ...]
    seconds: float
    jobs: int

    @property
    def ok(self) -> bool:
        """Whether every instance is in a file."""
        return not self.of(Outcome.REFUSED) and not self.of(Outcome.FAILED)

    def of(self, outcome: Outcome) -> tuple[TreeRow, ...]:
        """Return the rows with this outcome."""
        return tuple(row for row in self.rows if row.outcome is outcome)

    def counts(self) -> dict[str, int]:
        """Return the number of rows by outcome."""
        counted = Counter(row.outcome for row in self.rows)
        return {outcome.value: counted[outcome] for outcome in Outcome}

    def to_dict(self) -> dict[str, Any]:
        """Return the report as plain values, for JSON."""
        return {
            "source": str(self.source),
            "out_folder": str(self.out_folder),
            "ok": self.ok,
            "seconds": self.seconds,
            "jobs": self.jobs,
            "counts": self.counts(),
            "rows": [{**asdict(row), "outcome": row.outcome.value} for row in self.rows],
            "left_out": [{"path": path, "reason": reason} for path, reason in self.left_out],
        }


def error_text(error: BaseException) -> str:
    """Return an error as one line, with its class where that is all that says what happened."""
    text = " ".join(str(error).split())
    expected = isinstance(error, DicomCubeError | OSError)
    return text if expected and text else f"{type(error).__name__}: {text}"
