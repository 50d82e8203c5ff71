"""``dcbs preview``."""

from __future__ import annotations

import errno
from pathlib import Path

import click

__all__ = ["preview"]


def _window(ctx: click.Context, param: click.Parameter, value: str | None) -> object:
    """Parse CENTER,WIDTH."""
    if value is None:
        return None
    try:
        center, width = (float(part) for part in value.split(","))
    except ValueError:
        raise click.BadParameter("give CENTER,WIDTH, such as 40,400", ctx, param) from None
    if not width > 0:
        raise click.BadParameter("the width must be positive", ctx, param)
    return center, width


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--max-tiles", type=click.IntRange(1, 10000), default=36, show_default=True)
@click.option("--columns", type=click.IntRange(1, 100), help="Tiles in a row.")
@click.option(
    "--size", type=click.IntRange(16, 2048), default=192, show_default=True, help="Tile width."
)
@click.option("--window", callback=_window, help="CENTER,WIDTH in modality values (HU in CT).")
@click.option("--force", is_flag=True, help="Replace OUT if it exists.")
def preview(
    file: Path,
    out: Path,
    *,
    max_tiles: int,
    columns: int | None,
    size: int,
    window: tuple[float, float] | None,
    force: bool,
) -> None:
    """Draw the slices of FILE, windowed and numbered, into the picture OUT (PNG)."""
    if out.exists() and not force:
        raise FileExistsError(errno.EEXIST, "it exists; give --force to replace it", str(out))
    from dicube_core.preview import write_preview
    from dicube_core.reader import Reader

    with Reader(file) as reader:
        image = write_preview(
            reader, out, max_tiles=max_tiles, columns=columns, tile_width=size, window=window
        )
    click.echo(f"{out}: {image.width}x{image.height} pixels")
