"""``dcbs edit``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dicube_core.cli.console import put
from dicube_core.cli.file_or_url import LOCAL_PATH
from dicube_core.cli.messages import warn
from dicube_core.cli.places import refuse_same, require_free
from dicube_core.cli.progress import progress_bar

if TYPE_CHECKING:
    from dicube_core.editing.audit import EditReport
    from dicube_core.editing.profile import Deidentification

__all__ = ["edit"]

_OPTIONS = (
    "retain-uids",
    "retain-full-dates",
    "retain-modified-dates",
    "retain-device",
    "retain-institution",
    "retain-patient-characteristics",
    "clean-descriptors",
    "retain-safe-private",
)


def _pairs(
    ctx: click.Context, param: click.Parameter, values: tuple[str, ...]
) -> dict[str, str | None]:
    """Parse PATH=VALUE; nothing behind the sign makes the element empty."""
    result: dict[str, str | None] = {}
    for given in values:
        path, sign, value = given.partition("=")
        if not sign or not path:
            raise click.BadParameter(f"{given!r} is not PATH=VALUE", ctx, param)
        result[path] = value or None
    return result


@click.command()
@click.argument("file", type=LOCAL_PATH)
@click.argument("out", type=click.Path(path_type=Path), required=False)
@click.option("--in-place", is_flag=True, help="Replace FILE itself, as a whole or not at all.")
@click.option(
    "--set", "set_values", multiple=True, callback=_pairs, metavar="PATH=VALUE", help="Set a value."
)
@click.option("--delete", multiple=True, metavar="PATH", help="Remove an element.")
@click.option("--delete-private", is_flag=True, help="Remove all private elements.")
@click.option(
    "--deidentify",
    type=click.Choice(["basic"]),
    help="Apply the Basic Profile of DICOM PS3.15 annex E.",
)
@click.option(
    "--option", "options", multiple=True, type=click.Choice(_OPTIONS), help="Of the profile."
)
@click.option(
    "--uid-salt",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File with a secret (16 bytes or more) that new UIDs and dates follow from.",
)
@click.option("--accept-burned-in", is_flag=True, help="Go on though pixels have text in them.")
@click.option(
    "--check/--no-check",
    default=None,
    help="Search all bytes of OUT for removed values (default: with --deidentify).",
)
@click.option(
    "--accept-found",
    multiple=True,
    metavar="PATH",
    help="Element that may say what was removed elsewhere.",
)
@click.option(
    "--report", type=click.Path(path_type=Path, dir_okay=False), help="Write the audit as JSON."
)
@click.option("--show-values", is_flag=True, help="Put old and new values into the audit.")
@click.option("--force", is_flag=True, help="Replace OUT and the report if they exist.")
def edit(
    file: Path,
    out: Path | None,
    *,
    in_place: bool,
    set_values: dict[str, str | None],
    delete: tuple[str, ...],
    delete_private: bool,
    deidentify: str | None,
    options: tuple[str, ...],
    uid_salt: Path | None,
    accept_burned_in: bool,
    check: bool | None,
    accept_found: tuple[str, ...],
    report: Path | None,
    show_values: bool,
    force: bool,
) -> None:
    """Write FILE to OUT with other metadata; its frames are copied as they are.

    PATH is a keyword (PatientName), a tag ((0010,0010)), a private element ((0029,CREATOR,10):LO)
    or leads through sequences: RequestAttributesSequence[0].ScheduledProcedureStepID. With **. in
    front it means the element wherever it is. OUT appears when it is complete, or not at all.
    """
    if in_place == (out is not None):
        raise click.UsageError("give either OUT or --in-place")
    if deidentify is None and (options or uid_salt or accept_burned_in):
        raise click.UsageError("--option, --uid-salt and --accept-burned-in need --deidentify")
    if out is not None:
        require_free(out, force=force)
    if report is not None:
        require_free(report, force=force, source=file)
        refuse_same(report, out or file, "the file that is written")
    from dicube_core.editing.edit import edit as edit_file

    profile = None
    if deidentify is not None:
        profile = _profile(options, uid_salt, accept_burned_in=accept_burned_in)
    with progress_bar("copying") as progress:
        done = edit_file(
            file,
            out,
            set=set_values,
            delete=delete,
            delete_private=delete_private,
            deidentify=profile,
            in_place=in_place,
            check=check,
            accept_found=accept_found,
            show_values=show_values,
            progress=progress,
        )
    if report is not None:
        _write_report(report, done)
    _print(done)


def _profile(
    options: tuple[str, ...], uid_salt: Path | None, *, accept_burned_in: bool
) -> Deidentification:
    from dicube_core.editing.profile import Deidentification, Option

    salt = b"" if uid_salt is None else uid_salt.read_bytes()
    if uid_salt is not None and not salt:  # else one would be made up, as where none is given
        raise click.BadParameter(f"{uid_salt} is empty", param_hint="--uid-salt")
    return Deidentification(frozenset(map(Option, options)), salt, accept_burned_in)


def _write_report(path: Path, done: EditReport) -> None:
    from dicube_core.atomic import write_bytes

    write_bytes((json.dumps(done.to_dict(), indent=2) + "\n").encode(), path)


def _print(done: EditReport) -> None:
    from rich.table import Table
    from rich.text import Text

    from dicube_core.cli.console import table_console

    table = Table(box=None, pad_edge=False)
    shown = any(entry.old or entry.new for entry in done.entries)
    for name in ("element", "VR", "action", "slices", "reason", *(("old", "new") * shown)):
        table.add_column(name, justify="right" if name == "slices" else "left", overflow="fold")
    for entry in done.entries:
        row = [entry.element, entry.vr, entry.action, str(entry.slices), entry.reason]
        row += [", ".join(values) for values in (entry.old, entry.new)] if shown else []
        table.add_row(*map(Text, row))  # Text: what a file says is never markup
    console = table_console(160)
    if done.entries:
        console.print(table)
    for warning in done.warnings:
        warn(warning)
    for path in done.unmatched:
        warn(f"no slice has {path}")
    line = (
        f"{done.path}: {len(done.entries)} elements changed, {done.frame_count} frames copied as "
        "they were"
    )
    if done.check is not None:
        line += (
            f"; {done.check.values} removed values looked for in {done.check.bytes_searched} "
            "bytes, none found"
        )
        if done.check.coincidences:
            line += f", {len(done.check.coincidences)} of them said of right elsewhere"
    put(line)
