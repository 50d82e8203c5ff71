"""``dcbs repair``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dicube_core.cli.console import put
from dicube_core.cli.exits import Exit
from dicube_core.cli.file_or_url import LOCAL_PATH
from dicube_core.cli.messages import warn
from dicube_core.cli.places import require_free
from dicube_core.cli.progress import progress_bar

if TYPE_CHECKING:
    from rich.console import Console

    from dicube_core.salvage.report import RepairReport

__all__ = ["repair"]


@click.command()
@click.argument("damaged", type=LOCAL_PATH)
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--force", is_flag=True, help="Replace OUT if it exists; never DAMAGED.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def repair(damaged: Path, out: Path, *, force: bool, as_json: bool) -> None:
    """Write to OUT what is whole of DAMAGED: frames, with their headers, that checksums prove.

    What has a second copy in the file is made again. No pixel is made up: lost slices are left
    out, named, and recorded in OUT. Exits with 0 if nothing was lost, with 7 if something was.
    DAMAGED is only read.
    """
    from dicube_core.atomic import is_same_file
    from dicube_core.salvage.repairing import repair as repair_file

    if not is_same_file(out, damaged):  # which is refused in other words, whatever is forced
        require_free(out, force=force)
    with progress_bar("decoding") as progress:
        report = repair_file(damaged, out, progress=progress)
    if as_json:
        put(json.dumps(report.to_dict(), indent=2))
    else:
        _print(report)
    sys.exit(Exit.LOST if report.anything_lost else Exit.OK)


def _print(report: RepairReport) -> None:
    from dicube_core.cli.console import table_console

    console = table_console(160)
    _print_parts(console, report)
    _print_lost(console, report)
    for note in report.record.notes:
        warn(" ".join(note.split()))
    for offset, length in report.unattributed[:20]:
        warn(
            f"what looks like a frame at byte {offset} ({length} bytes) has no "
            "number that anything proves; it was left out"
        )
    if report.copied:
        checked = "" if report.record.checksums else " (as far as that shows without checksums)"
        put(f"{report.out}: nothing is damaged{checked}; it is a copy")
        return
    put(f"{report.out}: {report.record.summary()}")


def _print_parts(console: Console, report: RepairReport) -> None:
    from rich.table import Table
    from rich.text import Text

    if not report.damaged:
        return
    table = Table(box=None, pad_edge=False)
    for name in ("damaged part", "byte", "cause", "outcome"):
        table.add_column(name, justify="right" if name == "byte" else "left", overflow="fold")
    for part in report.damaged:
        row = (part.name, _number(part.offset), part.cause, part.outcome)
        table.add_row(*map(Text, row))  # Text: what a file says is never markup
    console.print(table)


def _print_lost(console: Console, report: RepairReport) -> None:
    from rich.table import Table
    from rich.text import Text

    if not report.lost:
        return
    table = Table(box=None, pad_edge=False)
    for name in ("lost frame", "byte", "SOP Instance UID", "position (LPS, mm)", "cause"):
        right = name in ("lost frame", "byte")
        table.add_column(name, justify="right" if right else "left", overflow="fold")
    for one in report.lost:
        uid = one.sop_instance_uid
        if one.instance_frame is not None:
            uid += f" frame {one.instance_frame}"
        place = "" if one.position is None else ", ".join(f"{n:g}" for n in one.position)
        row = (str(one.frame), _number(one.offset), uid, place, one.cause)
        table.add_row(*map(Text, row))
    console.print(table)


def _number(value: int) -> str:
    return "?" if value < 0 else str(value)
