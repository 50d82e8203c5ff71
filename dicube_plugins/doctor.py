"""What is installed here, and what each program was shown to read."""

from __future__ import annotations

import platform
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from dicube_core import __version__
from dicube_plugins.cache import capability_of
from dicube_plugins.capability import PROBED, Capability, Outcome, syntax_name
from dicube_plugins.installation import executable_for
from dicube_plugins.manager import known_consumers, plugin_status

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from dicube_plugins.consumers.base import Consumer

__all__ = ["examine", "print_report", "report_dict"]

#: Frameworks take hundreds of megabytes each while they load.
_N_THREADS = 4
_COLOURS = {Outcome.EQUAL: "green", Outcome.MISSING: "dim", Outcome.WRONG: "bold red"}


def examine(
    names: Sequence[str] = (), python: str | None = None, *, refresh: bool = False
) -> list[Capability]:
    """Return what consumers read: the named ones, or all, in the order of their registration.

    Parameters
    ----------
    names : sequence of str
        Consumers; those unknown raise `LookupError`.
    python : str, optional
        Interpreter of another environment: its libraries and the programs beside it are asked.
        Programs that are not there are taken from the search path.
    refresh : bool
        Probe again what is known.
    """
    known = known_consumers()
    unknown = [name for name in names if name not in known]
    if unknown:
        raise LookupError(
            f"no consumer {', '.join(map(repr, unknown))}; there are {', '.join(known)}"
        )

    def ask(consumer: Consumer) -> Capability:
        executable = None if python is None else executable_for(consumer, python)
        return capability_of(consumer, executable, refresh=refresh)

    with ThreadPoolExecutor(_N_THREADS, thread_name_prefix="dicube-probe") as pool:
        return list(pool.map(ask, (known[name] for name in names or known)))


def report_dict(capabilities: Sequence[Capability]) -> dict[str, Any]:
    """Return the report as JSON values."""
    return {
        "dicube_plugins": __version__,
        "python": f"{platform.python_version()} {sys.executable}",
        "platform": platform.platform(),
        "plugins": [asdict(status) for status in plugin_status()],
        "consumers": [capability.to_dict() for capability in capabilities],
    }


def print_report(capabilities: Sequence[Capability], console: Console) -> None:
    """Print the matrix, then the evidence for each consumer that is installed."""
    from rich.table import Table
    from rich.text import Text

    table = Table(title="What programs read (every value of the probe slices compared)")
    table.add_column("consumer", no_wrap=True)
    table.add_column("version")
    for syntax in PROBED:
        table.add_column(syntax_name(syntax))
    for capability in capabilities:
        cells = (
            Text(r.outcome.value, style=_COLOURS.get(r.outcome, "yellow"))
            for r in capability.results
        )
        table.add_row(Text(capability.consumer), Text(capability.version), *cells)
    console.print(table)
    for capability in capabilities:
        for line in _evidence(capability):
            console.print(Text(line), soft_wrap=True)
    for status in plugin_status():
        if status.state != "loaded" or status.message:
            line = f"plugin {status.name} ({status.origin}): {status.state}: {status.message}"
            console.print(Text(line), soft_wrap=True)


def _evidence(capability: Capability) -> list[str]:
    """Return the lines that show how the results came about."""
    if all(r.outcome is Outcome.MISSING for r in capability.results):
        return [f"{capability.consumer}: {capability.results[0].message}"]
    versions = ", ".join(f"{name} {version}" for name, version in capability.versions.items())
    when = f"{capability.probed_at}{', from the cache' if capability.from_cache else ''}"
    lines = [f"{capability.consumer}: {capability.executable} ({versions}), probed {when}"]
    for result in capability.results:
        message = " ".join(result.message.split())
        name = syntax_name(result.transfer_syntax)
        lines.append(f"  {name}: {result.outcome} ({result.seconds:.2f} s): {message}")
    return lines
