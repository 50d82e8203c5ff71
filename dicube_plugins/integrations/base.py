"""What an integration is, and what its probe found. Plain values."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing import Literal

    from dicube_plugins.capability import Outcome

__all__ = ["Integration", "IntegrationReport", "Switch"]


class Switch(StrEnum):
    """How an integration is switched on."""

    DECLARED = "declared"
    """By an entry point of this package: it works after ``pip install``, with no import of ours."""
    INSTALLED = "installed"
    """By `dicube_plugins.install`, in the process that is to have it."""
    IMPORTED = "imported"
    """By importing a class or function of ours, or none at all: it is our own."""


@dataclass(frozen=True, slots=True)
class Integration:
    """One framework, and how it reads ``.dcbs`` files.

    Parameters
    ----------
    name : str
        As it is called in the tables.
    distributions : tuple of str
        Packages that it needs; the first carries the version that is shown.
    switch : Switch
        How it is switched on.
    how : str
        The same in words or code: an entry-point group, a call, an import.
    extra : str
        What to install, as in ``pip install 'dicube-plugins[extra]'``.
    page : str
        Its page below ``docs/``.
    imports, example : str
        A line that works after the imports, and after ``install`` where that is how it is
        switched on, in a folder with ``study.dcbs``; with ``...`` in it, somewhere else.
    typed : str
        What is shown in place of `example`, where people type a command.
    probe : str
        Script below ``probes/``.
    values : {"modality", "stored", "none"}
        Which values come out of it, and are compared.
    affine : bool
        Whether the framework has a place for one; then the probe compares it.
    """

    name: str
    distributions: tuple[str, ...]
    switch: Switch
    how: str
    extra: str
    page: str
    imports: str
    example: str
    probe: str
    values: Literal["modality", "stored", "none"] = "modality"
    affine: bool = True
    typed: str = ""

    @property
    def shown(self) -> str:
        """The line for people."""
        return self.typed or self.example

    @property
    def compared(self) -> str:
        """What the probe compares, in words."""
        values = {"modality": "values", "stored": "stored values", "none": ""}[self.values]
        return " and ".join(filter(None, (values, "affine" if self.affine else "")))

    @property
    def script(self) -> str:
        """The example, complete."""
        lines = [self.imports, self.example]
        if self.switch is Switch.INSTALLED:
            lines.insert(0, f"import dicube_plugins\n\n{self.how}\n")
        return "\n".join(lines) + "\n"


@dataclass(frozen=True, slots=True)
class IntegrationReport:
    """What the probe of an integration found.

    Parameters
    ----------
    integration : Integration
        Which.
    version : str
        Of its framework; empty where that is not installed.
    outcome : Outcome
        ``EQUAL`` only if everything that was read is right.
    message : str
        What shows it.
    seconds : float
        Start of a process and import of the framework included.
    """

    integration: Integration
    version: str
    outcome: Outcome
    message: str
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong; also of what is not installed."""
        return self.outcome.value in {"equal", "missing"}

    def to_dict(self) -> dict[str, Any]:
        """Return the same as JSON values."""
        return {
            "name": self.integration.name,
            "switch": self.integration.switch.value,
            "how": self.integration.how,
            "compared": self.integration.compared,
            "version": self.version,
            "outcome": self.outcome.value,
            "message": self.message,
            "seconds": self.seconds,
        }
