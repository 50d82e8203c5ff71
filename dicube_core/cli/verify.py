"""``dcbs verify``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dicube_core.cli.console import put
from dicube_core.cli.exits import Exit
from dicube_core.cli.file_or_url import FILE_OR_URL
from dicube_core.cli.progress import progress_bar

if TYPE_CHECKING:
    from dicube_core.verify import VerifyReport

__all__ = ["verify"]


@click.command()
@click.argument("files", metavar="FILE...", type=FILE_OR_URL, nargs=-1, required=True)
@click.option(
    "--against", type=click.Path(path_type=Path), help="The DICOM files FILE was made from."
)
@click.option("--series-uid", help="As it was given to convert.")
@click.option(
    "--jobs",
    type=click.IntRange(1, 1024),
    help="Processes for many files (default: usable processors).",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def verify(
    files: tuple[Path | str, ...],
    *,
    against: Path | None,
    series_uid: str | None,
    jobs: int | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Check every checksum of FILE and decode every frame.

    Several files may be given, and folders, below which every .dcbs file is taken: a table tells
    what each is, and one that is damaged does not stop the others.

    With --against, for one file, also restore every slice and compare it with its source: byte
    for byte, and, as pydicom reads both, element by element and value by value.
    """
    first = files[0]
    is_folder = isinstance(first, Path) and first.is_dir()
    if not (len(files) > 1 or is_folder or jobs is not None or options):
        _verify_one(first, against, series_uid, as_json=as_json)
    if against is not None or series_uid is not None:
        raise click.UsageError("--against and --series-uid are for one file, and one process")
    from dicube_core.cli.verify_table import verify_many

    with progress_bar("verifying") as progress:
        code, text = verify_many(files, as_json=as_json, jobs=jobs, progress=progress, **options)
    put(text)
    sys.exit(code)


def _verify_one(
    file: Path | str, against: Path | None, series_uid: str | None, *, as_json: bool
) -> None:
    from dicube_core.verify import verify_against, verify_file

    with progress_bar("verifying") as progress:
        if against is None:
            report = verify_file(file, progress)
        else:
            report = verify_against(file, against, series_uid=series_uid, progress=progress)
    if as_json:
        put(json.dumps(report.to_dict(), indent=2))
    else:
        _print(against, report)
    sys.exit(Exit.OK if report.ok else Exit.NOT_PROVEN)


def _print(against: Path | None, report: VerifyReport) -> None:
    for failure in report.failures:
        put(f"FAILED {' '.join(failure.split())}")
    checks = "checksums compared" if report.checksums else "the file has no checksums"
    if not report.frame_count:
        put(f"{report.path}: no frame could be looked for")
    else:
        decoded = f"{report.frames_decoded} of {report.frame_count} frames decoded"
        put(f"{report.path}: {decoded}, {checks}")
    if report.slices_compared:
        put(
            f"{report.slices_compared} slices compared with {against}: "
            f"{report.byte_identical} restored byte for byte, "
            f"{report.elements_compared} elements, {report.values_compared} stored values"
        )
    if report.repaired:
        put(f"the file was repaired: {report.repaired}")
    put("OK" if report.ok else f"NOT OK: {len(report.failures)} failures")
