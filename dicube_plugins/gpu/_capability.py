"""What a device was found to decode. Plain values."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from dicube_core.exceptions import CodecUnavailableError
from dicube_plugins.gpu._kinds import Kind

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["DeviceCapability", "KindResult", "Outcome"]


class Outcome(StrEnum):
    """What became of the frames of one kind."""

    EQUAL = "equal"
    """Every value was right."""
    REFUSED = "refused"
    """The decoder said that it cannot."""
    WRONG = "wrong"
    """It gave values without an error, and they are not those of the frame."""


@dataclass(frozen=True, slots=True)
class KindResult:
    """How a device fared with one kind.

    Parameters
    ----------
    kind : Kind
        Which.
    outcome : Outcome
        The worst of its frames, but for small ones that were refused.
    message : str
        What shows it.
    """

    kind: Kind
    outcome: Outcome
    message: str


@dataclass(frozen=True, slots=True)
class DeviceCapability:
    """What one device decodes right, with one driver and one version of nvImageCodec.

    Parameters
    ----------
    device : str
        GPU, driver and versions.
    results : tuple of KindResult
        One for every kind that was probed; empty where the probe had no end.
    problem : str
        Why there are no results: a crash, a hang, no decoder.
    probed_at : str
        Time of the probe, UTC, ISO 8601.
    from_cache : bool
        Whether it was probed earlier.
    """

    device: str
    results: tuple[KindResult, ...] = ()
    problem: str = ""
    probed_at: str = ""
    from_cache: bool = field(default=False, compare=False)

    def allows(self, kind: Kind) -> bool:
        """Tell whether frames of a kind may be decoded there. Not probed counts as no."""
        return any(r.kind == kind and r.outcome is Outcome.EQUAL for r in self.results)

    def require(self, kind: Kind) -> None:
        """Refuse a kind that is not allowed.

        Raises
        ------
        CodecUnavailableError
            Says what was wrong with it.
        """
        if self.allows(kind):
            return
        result = next((r for r in self.results if r.kind == kind), None)
        why = self.problem or "such frames are not among those that devices are tested with"
        if result is not None:
            why = f"{result.outcome}: {result.message}"
        raise CodecUnavailableError(
            f"{self.device} is not used for frames of {kind}: {why}",
            suggestion="decode them by the CPU (Reader.frames)",
        )

    @property
    def wrong(self) -> tuple[KindResult, ...]:
        """Kinds that were decoded to other values, without an error."""
        return tuple(r for r in self.results if r.outcome is Outcome.WRONG)

    @property
    def summary(self) -> str:
        """All kinds in a few words each."""
        if self.problem:
            return self.problem
        parts = []
        for outcome in Outcome:
            kinds = [str(r.kind) for r in self.results if r.outcome is outcome]
            if kinds:
                parts.append(f"{outcome}: {'; '.join(kinds)}")
        return ". ".join(parts)

    def to_dict(self) -> dict[str, Any]:
        """Return the same as JSON values."""
        result = asdict(self)
        result["results"] = [{**asdict(r), "outcome": r.outcome.value} for r in self.results]
        return result

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> DeviceCapability:
        """Make one of what `to_dict` returned.

        Raises
        ------
        KeyError, TypeError, ValueError
            It is something else.
        """
        results = tuple(
            KindResult(_kind(item["kind"]), Outcome(item["outcome"]), str(item["message"]))
            for item in values["results"]
        )
        return cls(str(values["device"]), results, str(values["problem"]), str(values["probed_at"]))

    def cached(self) -> DeviceCapability:
        """Return the same, marked as probed earlier."""
        return replace(self, from_cache=True)


def _kind(values: Mapping[str, Any]) -> Kind:
    return Kind(
        bool(values["signed"]),
        int(values["precision"]),
        int(values["components"]),
        bool(values["colour_transform"]),
    )
