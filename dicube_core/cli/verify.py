"""``dcbs verify``."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from dicube_core.cli.exits import Exit
from dicube_core.cli.progress import progress_bar

__all__ = ["verify"]


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--against", type=click.Path(path_type=Path), help="The DICOM files FILE was made from."
)
@click.option("--series-uid", help="As it was given to convert.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def verify(file: Path, *, against: Path | None, series_uid: str | None, as_json: bool) -> None:
    """Check every checksum of FILE and decode every frame.

    With --against, also restore every slice and compare it with its source: byte for byte, and,
    as pydicom reads both, element by element and value by value.
    """
    from dicube_core.verify import verify_against, verify_file

    with progress_bar("verifying") as progress:
        if against is None:
            report = verify_file(file, progress)
        else:
            report = verify_against(file, against, series_uid=series_uid, progress=progress)
    if as_json:
        click.echo(json.dumps(report.to_dict(), indent=2))
    else:
        for failure in report.failures:
            click.echo(f"FAILED {' '.join(failure.split())}")
        checks = "checksums compared" if report.checksums else "the file has no checksums"
        click.echo(
            f"{file}: {report.frames_decoded} of {report.frame_count} frames decoded, {checks}"
        )
        if report.slices_compared:
            click.echo(
                f"{report.slices_compared} slices compared with {against}: "
                f"{report.byte_identical} restored byte for byte, "
                f"{report.elements_compared} elements, {report.values_compared} stored values"
            )
        if report.repaired:
            click.echo(f"the file was repaired: {report.repaired}")
        click.echo("OK" if report.ok else f"NOT OK: {len(report.failures)} failures")
    sys.exit(Exit.OK if report.ok else Exit.NOT_PROVEN)
