"""What a consumer was found to read, and the evidence for it. Plain values."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from dicube_core.dataset import uids
from dicube_core.slices import OFFERED_SYNTAXES

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["PROBED", "Capability", "Outcome", "ProbeResult", "syntax_name"]

#: Transfer syntaxes that are probed, the control first.
PROBED = (uids.EXPLICIT_LE, uids.HTJ2K_LOSSLESS, uids.HTJ2K_LOSSLESS_RPCL)


def syntax_name(uid: str) -> str:
    """Return the name of a transfer syntax, or its UID."""
    return OFFERED_SYNTAXES.get(uid, uid)


class Outcome(StrEnum):
    """What a probe showed."""

    EQUAL = "equal"
    """Every value of every slice was read right."""
    WRONG = "wrong"
    """It read values without an error, and they are not those of the slice."""
    ERROR = "error"
    """It said that it cannot, crashed, or gave no answer in time."""
    MISSING = "missing"
    """It is not installed."""
    CONTROL_FAILED = "control-failed"
    """Not even the uncompressed slices were read right, so nothing else is shown."""


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """How a consumer fared with the slices in one transfer syntax.

    Parameters
    ----------
    transfer_syntax : str
        UID.
    outcome : Outcome
        The worst of its slices.
    message : str
        What shows it.
    seconds : float
        Wall-clock time, start of the interpreter included.
    conclusive : bool
        False where another try may end otherwise, as after a time limit; not kept on disk.
    """

    transfer_syntax: str
    outcome: Outcome
    message: str
    seconds: float = 0.0
    conclusive: bool = True


@dataclass(frozen=True, slots=True)
class Capability:
    """What one consumer in one installation reads.

    Parameters
    ----------
    consumer : str
        Its name.
    executable : str
        The program, or the Python interpreter, that was asked. Empty where there is none.
    versions : mapping of str to str
        What is installed there, by name.
    results : tuple of ProbeResult
        One per transfer syntax of `PROBED`.
    probed_at : str
        Time of the probe, UTC, ISO 8601.
    from_cache : bool
        Whether it was probed earlier.
    """

    consumer: str
    executable: str
    versions: Mapping[str, str]
    results: tuple[ProbeResult, ...]
    probed_at: str = ""
    from_cache: bool = field(default=False, compare=False)

    def result(self, transfer_syntax: str) -> ProbeResult | None:
        """Return the result for a transfer syntax, None where it was not probed."""
        found = (r for r in self.results if r.transfer_syntax == transfer_syntax)
        return next(found, None)

    def reads(self, transfer_syntax: str) -> bool:
        """Return whether every value was read right. Not probed counts as no."""
        result = self.result(transfer_syntax)
        return result is not None and result.outcome is Outcome.EQUAL

    @property
    def conclusive(self) -> bool:
        """Whether another probe of the same installation would end the same."""
        return all(r.conclusive and r.outcome is not Outcome.MISSING for r in self.results)

    @property
    def version(self) -> str:
        """The consumer's own version number, empty where it is not known."""
        said = next(iter(self.versions.values()), "")
        number = re.search(r"\d+(\.\w+)+", said)
        return number.group() if number else said

    @property
    def title(self) -> str:
        """Name and version."""
        return f"{self.consumer} {self.version}".strip()

    def to_dict(self) -> dict[str, Any]:
        """Return the same as JSON values."""
        result = asdict(self)
        result["versions"] = dict(self.versions)
        result["results"] = [
            {**asdict(r), "name": syntax_name(r.transfer_syntax), "outcome": r.outcome.value}
            for r in self.results
        ]
        return result

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Capability:
        """Make one of what `to_dict` returned.

        Raises
        ------
        KeyError, TypeError, ValueError
            It is something else.
        """
        results = tuple(
            ProbeResult(
                str(item["transfer_syntax"]),
                Outcome(item["outcome"]),
                str(item["message"]),
                float(item["seconds"]),
                bool(item["conclusive"]),
            )
            for item in values["results"]
        )
        if [r.transfer_syntax for r in results] != list(PROBED):
            raise ValueError("not the transfer syntaxes that are probed")
        return cls(
            str(values["consumer"]),
            str(values["executable"]),
            {str(k): str(v) for k, v in dict(values["versions"]).items()},
            results,
            str(values["probed_at"]),
            bool(values["from_cache"]),
        )
