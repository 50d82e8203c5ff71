"""Which transfer syntax a consumer gets, and why."""

from __future__ import annotations

from dataclasses import dataclass

from dicube_core.dataset import uids
from dicube_core.exceptions import TransferSyntaxError
from dicube_core.slices import OFFERED_SYNTAXES
from dicube_plugins.capability import Capability, Outcome, syntax_name

__all__ = ["AUTO", "Choice", "Policy", "transfer_syntax_uid"]

#: Lets the policy choose.
AUTO = "auto"
_SHORT_NAMES = {
    "htj2k": uids.HTJ2K_LOSSLESS,
    "htj2k-rpcl": uids.HTJ2K_LOSSLESS_RPCL,
    "explicit": uids.EXPLICIT_LE,
    "implicit": uids.IMPLICIT_LE,
    "deflated": uids.DEFLATED,
}


def transfer_syntax_uid(name: str) -> str:
    """Return the UID of a transfer syntax given by UID or by a short name.

    Raises
    ------
    TransferSyntaxError
        Slices are not delivered in it; the message lists those in which they are.
    """
    uid = _SHORT_NAMES.get(name.lower(), name)
    if uid not in OFFERED_SYNTAXES:
        offered = ", ".join(f"{short} ({uid})" for short, uid in _SHORT_NAMES.items())
        raise TransferSyntaxError(
            f"slices are not delivered in transfer syntax {name!r}",
            suggestion=f"choose {AUTO} or one of {offered}",
        )
    return uid


@dataclass(frozen=True, slots=True)
class Choice:
    """A transfer syntax, and why it was chosen.

    Parameters
    ----------
    transfer_syntax : str
        UID.
    reason : str
        One sentence for people.
    """

    transfer_syntax: str
    reason: str


@dataclass(frozen=True, slots=True)
class Policy:
    """Prefer what a consumer was shown to read right; else give what every DICOM reader takes.

    Parameters
    ----------
    preferred : str
        UID given to consumers that read it with equal values.
    fallback : str
        UID given to all others. Every DICOM reader has to take the default, an uncompressed
        transfer syntax.

    Notes
    -----
    HTJ2K Lossless RPCL is not preferred by default, as fewer programs read it than HTJ2K
    Lossless.
    """

    preferred: str = uids.HTJ2K_LOSSLESS
    fallback: str = uids.EXPLICIT_LE

    def choose(self, capability: Capability | None) -> Choice:
        """Choose for a consumer.

        Parameters
        ----------
        capability : Capability or None
            What it was found to read; None where nobody in particular is to read the slices.
        """
        if capability is None:
            return self.fall_back("no consumer was named")
        result = capability.result(self.preferred)
        name = syntax_name(self.preferred)
        if result is None:
            return self.fall_back(f"{capability.title} was not probed with {name}")
        if result.outcome is Outcome.EQUAL:
            return Choice(
                self.preferred, f"{capability.title} reads {name} right: {result.message}"
            )
        control = capability.result(self.fallback)
        proof = (
            "" if control is None or control.outcome is not Outcome.EQUAL else ", which it reads"
        )
        return self.fall_back(
            f"{capability.title} was not shown to read {name} ({result.outcome}: "
            f"{' '.join(result.message.split())})",
            proof,
        )

    def fall_back(self, cause: str, proof: str = "") -> Choice:
        """Choose `fallback`, and say why."""
        return Choice(self.fallback, f"{cause}, hence {syntax_name(self.fallback)}{proof}")
