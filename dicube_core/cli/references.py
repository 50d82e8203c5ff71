"""``dcbs references``."""

from __future__ import annotations

import json
from pathlib import Path

import click

from dicube_core.cli.console import binary_output, put
from dicube_core.cli.file_or_url import FILE_OR_URL
from dicube_core.cli.places import require_free

__all__ = ["references"]


@click.command()
@click.argument("file", type=FILE_OR_URL)
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--url", help="Where readers find the file, if elsewhere than FILE.")
@click.option(
    "--checksums/--no-checksums",
    default=True,
    help="Have the codec compare frames with their CRC; off for arrays that are put together "
    "with those of other files.",
)
@click.option("--force", is_flag=True, help="Replace OUT if it exists.")
def references(
    file: Path | str, out: Path, *, url: str | None, checksums: bool, force: bool
) -> None:
    """Write to OUT (.json) where each frame of FILE lies: FILE is a Zarr array to kerchunk then.

    FILE is a path or an address. It is not copied: OUT holds as long as FILE stays as and where it
    is. '-' for OUT is the standard output.
    """
    import dicube_core

    to_stdout = str(out) == "-"
    if not to_stdout:
        require_free(out, force=force, source=file)
    found = dicube_core.references(file, url=url, checksums=checksums)
    text = json.dumps(found)
    if to_stdout:
        with binary_output() as stream:
            stream.write(f"{text}\n".encode())
            stream.flush()
        return
    from dicube_core.atomic import write_bytes

    write_bytes(text.encode(), out)
    put(f"{out}: {len(found['refs'])} references, {len(text) / 1e3:.1f} kB")
