"""``dcbs preview``."""

from __future__ import annotations

import math
from pathlib import Path

import click

from dicube_core.cli.console import put
from dicube_core.cli.file_or_url import FILE_OR_URL
from dicube_core.cli.places import require_free

__all__ = ["preview"]


def _window(ctx: click.Context, param: click.Parameter, value: str | None) -> object:
    """Parse CENTER,WIDTH."""
    if value is None:
        return None
    try:
        center, width = (float(part) for part in value.split(","))
    except ValueError:
        raise click.BadParameter("give CENTER,WIDTH, such as 40,400", ctx, param) from None
    if not (math.isfinite(center) and 0 < width < math.inf):
        raise click.BadParameter("the width must be positive, and both finite", ctx, param)
    return center, width


@click.command()
@click.argument("file", type=FILE_OR_URL)
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--max-tiles", type=click.IntRange(1, 10000), help="Most tiles [36].")
@click.option("--columns", type=click.IntRange(1, 100), help="Tiles in a row.")
@click.option(
    "--size",
    type=click.IntRange(16, 2048),
    help="Width of a tile [192]; with --planes, of the volume's longest side [384].",
)
@click.option("--planes", is_flag=True, help="Draw axial, coronal and sagittal planes instead.")
@click.option(
    "--volume", type=click.IntRange(0), help="With --planes: which volume of several (from 0)."
)
@click.option("--window", callback=_window, help="CENTER,WIDTH in modality values (HU in CT).")
@click.option("--force", is_flag=True, help="Replace OUT if it exists.")
def preview(
    file: Path | str,
    out: Path,
    *,
    max_tiles: int | None,
    columns: int | None,
    size: int | None,
    planes: bool,
    volume: int | None,
    window: tuple[float, float] | None,
    force: bool,
) -> None:
    """Draw the slices of FILE, windowed and numbered, into the picture OUT (PNG).

    With --planes, three planes through the middle of the volume in one scale, with letters that
    say where right, left, front, back, head and feet are.
    """
    _refuse_mixed(planes=planes, of_montage=(max_tiles, columns), volume=volume)
    require_free(out, force=force, source=file)
    if out.suffix.lower() != ".png":
        raise click.UsageError(f"{out} is to be a PNG picture; give a name that ends in .png")
    from dicube_core.preview import write_preview
    from dicube_core.reader import Reader

    if planes:
        options = {"size": size, "volume": volume}
    else:
        options = {"max_tiles": max_tiles, "columns": columns, "tile_width": size}
    given = {name: value for name, value in options.items() if value is not None}
    with Reader(file) as reader:
        image = write_preview(reader, out, planes=planes, window=window, **given)
    put(f"{out}: {image.width}x{image.height} pixels")


def _refuse_mixed(
    *, planes: bool, of_montage: tuple[int | None, int | None], volume: int | None
) -> None:
    """Refuse options that would be ignored."""
    if planes and of_montage != (None, None):
        raise click.UsageError("--max-tiles and --columns are for montages, not for --planes")
    if not planes and volume is not None:
        raise click.UsageError("--volume needs --planes")
