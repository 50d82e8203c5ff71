"""Commands that this package adds to ``dcbs``."""

from __future__ import annotations

import json
import sys
from contextlib import nullcontext
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dicube_core.cli.console import binary_output, put, table_console
from dicube_core.cli.file_or_url import FILE_OR_URL
from dicube_core.cli.messages import say
from dicube_core.cli.places import require_free

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from contextlib import AbstractContextManager

    from dicube_plugins.archives import ArchiveKind
    from dicube_plugins.bridge import Delivery
    from dicube_plugins.integrations import IntegrationReport

__all__ = ["deliver", "doctor", "export_options", "plugins"]

_PYTHON = click.option(
    "--python",
    metavar="EXE",
    help="Python interpreter of the environment whose libraries and programs are asked.",
)
_FOR = click.option(
    "--for",
    "consumer",
    metavar="CONSUMER",
    help="Program that is to read the slices; dcbs doctor lists those known.",
)
_SYNTAX = click.option(
    "--transfer-syntax",
    metavar="NAME",
    help="auto, htj2k, explicit, implicit, deflated, htj2k-rpcl, or a UID.  [default: auto]",
)


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--consumer", "names", metavar="NAME", multiple=True, help="Ask only this one.")
@_PYTHON
@click.option("--refresh", is_flag=True, help="Ask again whatever is known already.")
@click.option(
    "--integrations", is_flag=True, help="Also let each framework read a file (half a minute)."
)
@click.option(
    "--markdown",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Also write all of it into FILE, replacing it.",
)
def doctor(
    *,
    as_json: bool,
    names: Sequence[str],
    python: str | None,
    refresh: bool,
    integrations: bool,
    markdown: Path | None,
) -> None:
    """Test the codecs, and print which transfer syntaxes the DICOM programs of this machine read.

    Each program and library reads tiny slices, in a process of its own. What counts is that it
    gets every value right. With --integrations, each framework that this package serves also
    reads a tiny file through its own functions; values and affine are compared.

    The exit code is 1 where a codec that is installed fails its test, and so is not used, or an
    integration whose framework is installed is wrong or fails.
    """
    from dicube_plugins.doctor import examine, examine_codecs, print_report, report_dict

    try:
        with _waiting("asking consumers"):
            found = examine(names, python, refresh=refresh)
    except LookupError as exc:
        raise click.BadParameter(str(exc), param_hint="--consumer") from exc
    codecs = examine_codecs(refresh=refresh)
    probed: list[IntegrationReport] = []
    if integrations or markdown is not None:
        from dicube_plugins.integrations import probe_integrations

        with _waiting("letting frameworks read a file"):
            probed = probe_integrations()
    if markdown is not None:
        from dicube_core.atomic import write_bytes
        from dicube_plugins.integrations.report import markdown_page

        write_bytes(markdown_page(probed, found, codecs).encode(), markdown)
    if as_json:
        put(json.dumps(report_dict(found, codecs, probed), indent=2))
    else:
        print_report(found, codecs, table_console(160), probed)
    if not all(report.ok for report in codecs) or not all(report.ok for report in probed):
        sys.exit(1)


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def plugins(*, as_json: bool) -> None:
    """Print the adapters for frameworks, and the plugins that were found.

    No framework is imported for it.
    """
    from dicube_plugins.adapter_table import print_plugins, status_dict

    if as_json:
        put(json.dumps(status_dict(), indent=2))
        return
    print_plugins(table_console(160))


def _waiting(text: str) -> AbstractContextManager[object]:
    """Show on a terminal that something is going on; in a pipe, show nothing."""
    if not sys.stderr.isatty():
        return nullcontext()
    from rich.console import Console

    return Console(stderr=True).status(text)


@click.command()
@click.argument("file", type=FILE_OR_URL)
@click.argument("target", type=click.Path(path_type=Path))
@_FOR
@_SYNTAX
@_PYTHON
@click.option("--frames", metavar="LIST", help="Slices, such as 0-9,12; all by default.")
@click.option(
    "--archive", type=click.Choice(["zip", "tar", "tar.gz"]), help="Write an archive, also to '-'."
)
@click.option("--multiframe", is_flag=True, help="Write one multi-frame file with all slices.")
@click.option("--force", is_flag=True, help="Replace a file that exists.")
@click.option("--json", "as_json", is_flag=True, help="Print what was delivered as JSON.")
def deliver(
    file: Path | str,
    target: Path,
    *,
    consumer: str | None,
    transfer_syntax: str | None,
    python: str | None,
    frames: str | None,
    archive: ArchiveKind | None,
    multiframe: bool,
    force: bool,
    as_json: bool,
) -> None:
    """Write the slices of FILE as DICOM files that a program reads.

    TARGET is a new or empty folder, an archive (.zip, .tar, .tar.gz), one slice (.dcm), or '-' for
    an archive to the standard output. With --multiframe it is one file (.dcm) with all slices.
    """
    if multiframe and (frames or archive):
        raise click.UsageError("--multiframe takes all slices, into one file")
    to_stdout = str(target) == "-"
    if not to_stdout:
        _require_free(file, target, force=force)
    with binary_output() if to_stdout else nullcontext(target) as place:
        delivery = _deliver(
            file,
            place,
            consumer,
            transfer_syntax,
            python,
            frames=frames,
            archive=archive,
            multiframe=multiframe,
        )
    report = json.dumps(delivery.to_dict(), indent=2) if as_json else _line(delivery)
    (say if to_stdout else put)(report)


def _require_free(file: Path | str, target: Path, *, force: bool) -> None:
    if target.is_file():
        require_free(target, force=force, source=file)


def _deliver(
    file: Path | str,
    target: Any,
    consumer: str | None,
    transfer_syntax: str | None,
    python: str | None,
    *,
    frames: str | None = None,
    archive: ArchiveKind | None = None,
    multiframe: bool = False,
) -> Delivery:
    from dicube_plugins.bridge import to_dicom
    from dicube_plugins.installation import executable_for
    from dicube_plugins.manager import known_consumers

    known = known_consumers().get(consumer) if consumer else None
    executable = executable_for(known, python) if known and python else None
    chosen = _frame_list(frames)
    try:
        with _waiting("delivering"):
            if multiframe:
                from dicube_plugins.multiframe_bridge import to_multiframe

                return to_multiframe(
                    file, target, transfer_syntax or "auto", consumer, executable=executable
                )
            return to_dicom(
                file,
                target,
                transfer_syntax or "auto",
                consumer,
                chosen,
                executable=executable,
                archive=archive,
            )
    except (TypeError, ValueError) as exc:
        from dicube_core.exceptions import DicomCubeError

        if isinstance(exc, DicomCubeError):
            raise
        raise click.UsageError(str(exc)) from exc


def _line(delivery: Delivery) -> str:
    from dicube_plugins.capability import syntax_name

    syntax = delivery.transfer_syntax
    return (
        f"{delivery.target}: {len(delivery.frames)} slices, {delivery.n_bytes / 1e6:.1f} MB, in "
        f"{syntax_name(syntax)} ({syntax}): {delivery.reason}"
    )


def _frame_list(text: str | None) -> Iterable[int] | None:
    """Return the numbers in a list such as ``0-9,12``."""
    if text is None:
        return None
    ranges: list[range] = []
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        try:
            ranges.append(range(int(first), int(last if dash else first) + 1))
        except ValueError:
            raise click.BadParameter(
                f"{part!r} is no number and no range", param_hint="--frames"
            ) from None
    return chain.from_iterable(ranges)


def export_options(command: click.Command) -> click.Command:
    """Return ``dcbs export`` with ``--for`` and ``--transfer-syntax``, else as it was."""
    run = command.callback
    if run is None:
        return command
    unchanged: Callable[..., Any] = run

    def export(
        file: Path | str,
        target: Path,
        *,
        consumer: str | None,
        transfer_syntax: str | None,
        python: str | None,
        **options: Any,
    ) -> Any:
        if consumer is None and transfer_syntax is None:
            return unchanged(file=file, target=target, **options)
        if options.get("nifti"):
            raise click.UsageError("--for and --transfer-syntax are about DICOM, not --nifti")
        _require_free(file, target, force=bool(options.get("force")))
        delivery = _deliver(file, target, consumer, transfer_syntax, python)
        put(_line(delivery))
        return None

    extended = click.Command(
        command.name, callback=export, params=list(command.params), help=command.help
    )
    for option in (_FOR, _SYNTAX, _PYTHON):
        option(extended)
    return extended
