"""What a delivery is, and how the one who gets it is asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dicube_plugins.cache import capability_of
from dicube_plugins.capability import Capability, syntax_name

if TYPE_CHECKING:
    import os

    from dicube_core.reader import Reader
    from dicube_plugins.consumers.base import Consumer
    from dicube_plugins.policy import Choice, Policy

__all__ = ["Delivery", "choose_for", "heed_colour"]


@dataclass(frozen=True, slots=True)
class Delivery:
    """What was delivered, and why in this form.

    Parameters
    ----------
    target : str
        Path, or a description of the stream.
    transfer_syntax : str
        UID; the same for all slices.
    reason : str
        Why this one, for people.
    capability : Capability or None
        What the consumer was found to read; None where it was not asked.
    frames : tuple of int
        Frames of the source, in the order of delivery.
    names : tuple of str
        File names below the folder or in the archive, in the same order.
    n_bytes : int
        Size of all slices together.
    """

    target: str
    transfer_syntax: str
    reason: str
    capability: Capability | None
    frames: tuple[int, ...]
    names: tuple[str, ...]
    n_bytes: int

    def to_dict(self) -> dict[str, Any]:
        """Return the same as JSON values."""
        return {
            "target": self.target,
            "transfer_syntax": self.transfer_syntax,
            "transfer_syntax_name": syntax_name(self.transfer_syntax),
            "reason": self.reason,
            "capability": None if self.capability is None else self.capability.to_dict(),
            "frames": list(self.frames),
            "names": list(self.names),
            "n_bytes": self.n_bytes,
        }


def choose_for(
    policy: Policy,
    consumer: str | Consumer | Capability | None,
    executable: str | os.PathLike[str] | None,
) -> tuple[Capability | None, Choice]:
    """Ask a consumer what it reads, and let a policy choose; see `to_dicom`.

    Returns
    -------
    (Capability or None, Choice)
        What it was found to read, None where nobody was asked; and what it gets.
    """
    if consumer is None or isinstance(consumer, Capability):
        return consumer, policy.choose(consumer)
    try:
        capability = capability_of(consumer, executable)
    except LookupError as exc:
        return None, policy.fall_back(str(exc))
    return capability, policy.choose(capability)


def heed_colour(choice: Choice, policy: Policy, reader: Reader) -> Choice:
    """Give colour uncompressed where a policy chose: consumers are asked with grey slices only.

    There are programs that read grey HTJ2K right, and colour through its transform wrong.
    """
    if choice.transfer_syntax == policy.fallback or not reader.pixel_format.is_colour:
        return choice
    return policy.fall_back(
        f"{choice.reason}; but that was shown with grey slices, not with colour"
    )
