"""``dcbs convert``."""

from __future__ import annotations

import errno
import os
import time
from pathlib import Path

import click

from dicube_core.cli.progress import progress_bar, size_text

__all__ = ["convert"]

_SORT = {
    "number": "INSTANCE_NUMBER_ASC",
    "number-desc": "INSTANCE_NUMBER_DESC",
    "position": "POSITION_RIGHT_HAND",
    "position-desc": "POSITION_LEFT_HAND",
}


@click.command()
@click.argument("source", type=click.Path(path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--series-uid", help="Take only the series with this Series Instance UID.")
@click.option(
    "--sort",
    type=click.Choice(list(_SORT)),
    help="Order of the slices (default: along the slice normal, else by number).",
)
@click.option("--verify/--no-verify", default=True, help="Decode and compare every frame.")
@click.option(
    "--progressive",
    is_flag=True,
    help="Write the lengths of all resolutions, so that slices can be had as HTJ2K RPCL too.",
)
@click.option("--force", is_flag=True, help="Replace OUT if it exists.")
def convert(
    source: Path,
    out: Path,
    *,
    series_uid: str | None,
    sort: str | None,
    verify: bool,
    progressive: bool,
    force: bool,
) -> None:
    """Convert SOURCE, a folder of DICOM files or a NIfTI volume, to the file OUT.

    The headers, private elements and stored values are kept byte for byte. OUT appears when it is
    complete, or not at all.
    """
    if out.exists() and not force:
        raise FileExistsError(errno.EEXIST, "it exists; give --force to replace it", str(out))
    if not source.exists():
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(source))
    import dicube_core

    order = None if sort is None else dicube_core.SortMethod[_SORT[sort]]
    start = time.perf_counter()
    with progress_bar("converting") as progress:
        done = dicube_core.convert(
            source,
            out,
            sort_method=order,
            series_uid=series_uid,
            verify=verify,
            progressive=progressive,
            progress=progress,
        )
    seconds = time.perf_counter() - start
    for name, reason in done.skipped:
        click.echo(f"dcbs: warning: left out {name}: {reason}", err=True)
    frames, rows, columns = done.shape
    line = (
        f"{out}: {frames} frames {rows}x{columns} {done.dtype_name}, "
        f"{size_text(done.source_bytes)} -> {size_text(done.file_bytes)} "
        f"({done.source_bytes / done.file_bytes:.2f}:1) in {seconds:.2f} s"
    )
    if verify:
        line += ", every frame verified"
    if done.report is not None:
        line += f"; {done.report.status.value}"
        if done.report.findings:
            line += f", {len(done.report.findings)} findings (see dcbs info)"
    click.echo(line)
