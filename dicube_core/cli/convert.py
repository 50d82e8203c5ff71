"""``dcbs convert``."""

from __future__ import annotations

import errno
import json
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dicube_core.cli.console import put
from dicube_core.cli.file_or_url import LOCAL_PATH
from dicube_core.cli.messages import warn
from dicube_core.cli.places import require_free
from dicube_core.cli.progress import progress_bar, progress_bars, size_text

if TYPE_CHECKING:
    from dicube_core.ingest import Conversion
    from dicube_core.spatial.order import SortMethod

__all__ = ["convert"]

_SORT = {
    "number": "INSTANCE_NUMBER_ASC",
    "number-desc": "INSTANCE_NUMBER_DESC",
    "position": "POSITION_RIGHT_HAND",
    "position-desc": "POSITION_LEFT_HAND",
}
_NIFTI = (".nii", ".nii.gz")
#: Options that say something only of a folder of results.
_FOR_TREES = ("jobs", "name", "split", "resume", "workers")


@click.command()
@click.argument("source", type=LOCAL_PATH)
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
    help="Note where each resolution ends: lower ones are read alone, slices sent as HTJ2K RPCL.",
)
@click.option(
    "--keep-encoding",
    is_flag=True,
    help="Keep compressed frames as they are (JPEG, ...).",
)
@click.option("--force", is_flag=True, help="Replace what is there.")
@click.option(
    "--jobs",
    type=click.IntRange(1, 1024),
    help="Processes (default: usable processors). For a folder OUT, as are the next three.",
)
@click.option(
    "--name",
    type=click.Choice(["description", "number", "uid"]),
    default="description",
    show_default=True,
    help="What the files are named by.",
)
@click.option(
    "--split/--no-split",
    default=True,
    help="Separate localizers and orientations of one series (default).",
)
@click.option(
    "--resume/--no-resume",
    default=True,
    help="Skip files that are there and hold the same (default), else refuse to touch them.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def convert(
    ctx: click.Context,
    /,
    source: Path,
    out: Path,
    *,
    series_uid: str | None,
    sort: str | None,
    as_json: bool,
    force: bool,
    jobs: int | None,
    name: str,
    split: bool,
    resume: bool,
    **options: Any,
) -> None:
    """Convert SOURCE to the file OUT, or everything below SOURCE to files in the folder OUT.

    Where OUT ends in .dcbs, or SOURCE is a NIfTI volume, one series becomes one file. Otherwise
    SOURCE may hold many series and studies in any folders: each series becomes a file of its own
    in OUT, and a table tells what became of every file that was found. Called again, it goes on
    where it stopped.

    The headers, private elements and stored values are kept byte for byte. A file appears when it
    is complete, or not at all.
    """
    options["sort_method"] = _sort_method(sort)
    options["series_uid"] = series_uid
    if out.suffix.lower() == ".dcbs" or str(source).lower().endswith(_NIFTI):
        _refuse_tree_options(ctx)
        _convert_one(source, out, force=force, as_json=as_json, options=options)
        return
    from dicube_core.cli.tree_table import convert_folder

    options.update(force=force, jobs=jobs, name=name, split=split, resume=resume)
    with progress_bars() as progress:
        code, text = convert_folder(source, out, as_json=as_json, progress=progress, **options)
    put(text)
    sys.exit(code)


def _sort_method(sort: str | None) -> SortMethod | None:
    if sort is None:
        return None
    from dicube_core.spatial.order import SortMethod

    return SortMethod[_SORT[sort]]


def _refuse_tree_options(ctx: click.Context) -> None:
    from click.core import ParameterSource

    for option in ctx.command.params:
        given = ctx.get_parameter_source(option.name or "") is not ParameterSource.DEFAULT
        if option.name in _FOR_TREES and given:
            raise click.UsageError(
                f"{option.opts[0]} is for a folder OUT, which does not end in .dcbs"
            )


def _convert_one(
    source: Path, out: Path, *, force: bool, as_json: bool, options: dict[str, Any]
) -> None:
    require_free(out, force=force, source=source)
    if not source.exists():
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(source))
    import dicube_core

    start = time.perf_counter()
    with progress_bar("converting") as progress:
        done = dicube_core.convert(source, out, progress=progress, **options)
    seconds = time.perf_counter() - start
    for name, reason in done.skipped:
        warn(f"left out {name}: {reason}")
    if as_json:
        put(json.dumps(_facts(done, seconds), indent=2))
    else:
        put(_line(done, seconds, verified=options["verify"]))


def _line(done: Conversion, seconds: float, *, verified: bool) -> str:
    frames, rows, columns = done.shape[:3]
    line = (
        f"{done.path}: {frames} frames {rows}x{columns} {done.dtype_name}, "
        f"{size_text(done.source_bytes)} -> {size_text(done.file_bytes)} "
        f"({done.source_bytes / done.file_bytes:.2f}:1) in {seconds:.2f} s"
    )
    if verified:
        line += ", every frame verified"
    if done.report is not None:
        line += f"; {done.report.status.value}"
        if done.report.findings:
            line += f", {len(done.report.findings)} findings (see dcbs info)"
    return line


def _facts(done: Conversion, seconds: float) -> dict[str, Any]:
    report = done.report
    return {
        "file": str(done.path),
        "shape": list(done.shape),
        "dtype": done.dtype_name,
        "source_bytes": done.source_bytes,
        "file_bytes": done.file_bytes,
        "seconds": seconds,
        "status": "" if report is None else report.status.value,
        "findings": [] if report is None else [f.message for f in report.findings],
        "left_out": [{"path": name, "reason": reason} for name, reason in done.skipped],
    }
