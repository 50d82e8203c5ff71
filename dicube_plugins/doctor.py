"""What is installed here: codecs that work, and what each program was shown to read."""

from __future__ import annotations

import platform
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from dicube_core import __version__
from dicube_core.codec.self_test import distribution_version, run_self_test
from dicube_core.exceptions import CodecUnavailableError
from dicube_core.settings import limits_as_dict
from dicube_plugins.cache import capability_of
from dicube_plugins.capability import PROBED, Capability, Outcome, syntax_name
from dicube_plugins.installation import executable_for
from dicube_plugins.manager import known_consumers, plugin_status

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rich.console import Console
    from rich.table import Table

    from dicube_core.codec.base import FrameCodec
    from dicube_plugins.consumers.base import Consumer
    from dicube_plugins.integrations.base import IntegrationReport

__all__ = ["CodecReport", "examine", "examine_codecs", "print_report", "report_dict"]

#: Frameworks take hundreds of megabytes each while they load.
_N_THREADS = 4
_COLOURS = {Outcome.EQUAL: "green", Outcome.MISSING: "dim", Outcome.WRONG: "bold red"}


@dataclass(frozen=True, slots=True)
class CodecReport:
    """What the self-test of one backend found.

    Parameters
    ----------
    backend, library, version : str
        The backend, the package that it comes from, and the version of that, empty where it is
        not installed.
    decode, encode, errors : str
        ``ok``, what was wrong, or ``-`` where there is nothing to test: frames that are known,
        frames encoded here, and damage that must be an error.
    note : str
        Why it is not used although it is installed, where nothing is wrong with it; or which
        frames it is used for.
    """

    backend: str
    library: str
    version: str
    decode: str = "-"
    encode: str = "-"
    errors: str = "-"
    note: str = ""

    @property
    def ok(self) -> bool:
        """Whether nothing was wrong; also of what is not installed."""
        return {self.decode, self.encode, self.errors} <= {"ok", "-"}


def examine_codecs(*, refresh: bool = False) -> list[CodecReport]:
    """Run the self-test of every backend that is installed, in full.

    Parameters
    ----------
    refresh : bool
        Probe a GPU again whatever is known of it.
    """
    from dicube_core.codec import OpenJPEGCodec, OpenJPHCodec, PCodec, openjpeg, openjph, pcodec

    return [
        _codec_report("OpenJPH", "imagecodecs", openjph.require, OpenJPHCodec()),
        _codec_report("OpenJPEG", "pylibjpeg-openjpeg", openjpeg.require, OpenJPEGCodec()),
        _codec_report("pcodec", "pcodec", pcodec.require, PCodec()),
        _device_report(refresh=refresh),
    ]


def _device_report(*, refresh: bool) -> CodecReport:
    """Return what the first GPU decodes. None at all is nothing wrong, a wrong value is."""
    from dicube_plugins.gpu import capability
    from dicube_plugins.gpu._driver import installed_version

    report = CodecReport("nvImageCodec", "nvidia-nvimgcodec", installed_version())
    try:
        found = capability(refresh=refresh)
    except CodecUnavailableError as exc:
        return replace(report, note=f"not used: {exc.message}" if report.version else "")
    wrong = "; ".join(f"{result.kind}: {result.message}" for result in found.wrong)
    note = f"{found.device}: {found.summary}"
    return replace(report, decode=wrong or found.problem or "ok", note=note)


def _codec_report(
    backend: str, library: str, require: Callable[[], object], codec: FrameCodec
) -> CodecReport:
    installed = distribution_version(library)
    try:
        require()
    except CodecUnavailableError as exc:
        return CodecReport(backend, library, installed, exc.message if installed else "-")
    test = run_self_test(codec)
    results = (test.decode, test.encode, test.errors)
    return CodecReport(
        backend, library, installed, *("-" if text is None else text or "ok" for text in results)
    )


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


def report_dict(
    capabilities: Sequence[Capability],
    codecs: Sequence[CodecReport],
    integrations: Sequence[IntegrationReport] = (),
) -> dict[str, Any]:
    """Return the report as JSON values."""
    return {
        "dicube_plugins": __version__,
        "python": f"{platform.python_version()} {sys.executable}",
        "platform": platform.platform(),
        "codecs": [{**asdict(report), "ok": report.ok} for report in codecs],
        "limits": limits_as_dict(),
        "plugins": [asdict(status) for status in plugin_status()],
        "consumers": [capability.to_dict() for capability in capabilities],
        "integrations": [report.to_dict() for report in integrations],
    }


def print_report(
    capabilities: Sequence[Capability],
    codecs: Sequence[CodecReport],
    console: Console,
    integrations: Sequence[IntegrationReport] = (),
) -> None:
    """Print the self-test of the codecs, the matrix, and the evidence for each consumer."""
    from rich.table import Table
    from rich.text import Text

    console.print(_codec_table(codecs))
    for report in codecs:
        if report.note:
            console.print(Text(f"{report.backend}: {report.note}"), soft_wrap=True)
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
    if integrations:
        from dicube_plugins.integrations.report import integration_table

        console.print(integration_table(integrations))
    for capability in capabilities:
        for line in _evidence(capability):
            console.print(Text(line), soft_wrap=True)
    for status in plugin_status():
        if status.state != "loaded" or status.message:
            line = f"plugin {status.name} ({status.origin}): {status.state}: {status.message}"
            console.print(Text(line), soft_wrap=True)


def _codec_table(reports: Sequence[CodecReport]) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table(title="Codecs (self-test: known frames, frames encoded here, damage noticed)")
    for column in ("backend", "package", "decode", "encode", "errors"):
        table.add_column(column, no_wrap=column in ("backend", "package"))
    for report in reports:
        style = {"ok": "green", "-": "dim"}
        results = (report.decode, report.encode, report.errors)
        table.add_row(
            Text(report.backend),
            Text(f"{report.library} {report.version or '(not installed)'}"),
            *(Text(result, style=style.get(result, "bold red")) for result in results),
        )
    return table


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
