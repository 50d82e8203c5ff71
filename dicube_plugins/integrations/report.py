"""Integrations as a table on the screen, and the page of what works, in Markdown."""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING

from dicube_core import __version__
from dicube_plugins.capability import PROBED, Capability, Outcome, syntax_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.table import Table

    from dicube_plugins.doctor import CodecReport
    from dicube_plugins.integrations.base import IntegrationReport

__all__ = ["integration_table", "markdown_page"]

_COLOURS = {Outcome.EQUAL: "green", Outcome.MISSING: "dim", Outcome.WRONG: "bold red"}
_NOT_HERE = "not installed here"

_PAGE = """# Compatibility

Written by `dcbs doctor --markdown docs/compatibility.md`: dicube-plugins {version}, Python
{python}, {system}. Nothing here is taken from version numbers. Each framework read a file and each
program read slices, in a process of its own, and what they got was compared with the truth. Run it
to see what works on your machine.

## Frameworks

`.dcbs` files in the frameworks' own functions. *Declared*: works after `pip install`, by an entry
point, with no import of ours. *Installed*: after one line, `dicube_plugins.install(...)`.
*Imported*: a class or function of ours. The file is a PET series of five oblique slices, each with
its own slope and intercept; every value is compared, and the affine where the framework has one.

{integrations}

## Programs that read DICOM

Slices and exports of a `.dcbs` file in three transfer syntaxes, each read with every value compared
([bridge](bridge.md)). Programs that read HTJ2K right get it; the others get uncompressed slices.

{consumers}

## Codecs

Each decodes frames that are known, gives back what it encoded, and must notice damage. One that
fails is not used.

{codecs}
"""


def integration_table(reports: Sequence[IntegrationReport]) -> Table:
    """Return what the probes found, for the screen."""
    from rich.table import Table
    from rich.text import Text

    table = Table(title="Integrations (a file read through the framework's own functions)")
    for title in ("integration", "version", "switched on", "how", "result"):
        table.add_column(title, no_wrap=title in ("integration", "version"))
    for report in reports:
        result = report.outcome.value
        if report.outcome is not Outcome.EQUAL:
            result += f": {report.message}"
        table.add_row(
            Text(report.integration.name),
            Text(report.version),
            Text(report.integration.switch.value),
            Text(report.integration.how),
            Text(result, style=_COLOURS.get(report.outcome, "yellow")),
        )
    return table


def markdown_page(
    integrations: Sequence[IntegrationReport],
    capabilities: Sequence[Capability],
    codecs: Sequence[CodecReport],
) -> str:
    """Return the page ``docs/compatibility.md``."""
    syntaxes = [syntax_name(syntax) for syntax in PROBED]
    return _PAGE.format(
        version=__version__,
        python=platform.python_version(),
        system=f"{platform.system()} {platform.machine()}",
        integrations=_table(
            ["framework", "switched on", "how", "version", "compared", "result"],
            map(_integration_row, integrations),
        ),
        consumers=_table(["program", "version", *syntaxes], map(_consumer_row, capabilities)),
        codecs=_table(
            ["backend", "package", "decode", "encode", "damage"], map(_codec_row, codecs)
        ),
    )


def _table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [titles, ["---"] * len(titles), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in line)} |" for line in lines)


def _integration_row(report: IntegrationReport) -> list[str]:
    integration = report.integration
    missing = report.outcome is Outcome.MISSING
    # The reason of a failure is for the screen: it names places of one machine.
    result = _NOT_HERE if missing else report.outcome.value
    return [
        f"[{integration.name}]({integration.page})",
        integration.switch.value,
        f"`{integration.how}`",
        report.version,
        integration.compared,
        result,
    ]


def _consumer_row(capability: Capability) -> list[str]:
    outcomes = [result.outcome for result in capability.results]
    cells = [_NOT_HERE if outcome is Outcome.MISSING else outcome.value for outcome in outcomes]
    return [capability.consumer, capability.version, *cells]


def _codec_row(report: CodecReport) -> list[str]:
    return [
        report.backend,
        f"{report.library} {report.version or '(not installed)'}",
        report.decode,
        report.encode,
        report.errors,
    ]
