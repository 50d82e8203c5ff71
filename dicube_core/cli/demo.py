"""``dcbs demo``: the whole way, on a series of the user's or a generated one."""

from __future__ import annotations

import errno
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from dicube_core.cli.exits import Exit
from dicube_core.cli.messages import say, warn
from dicube_core.cli.progress import progress_bar, size_text

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["demo"]

T = TypeVar("T")


@dataclass
class _Steps:
    """Rows of the table that is printed at the end."""

    rows: list[tuple[str, str, str]] = field(default_factory=list)

    def timed(self, name: str, work: Callable[[], T], result: Callable[[T], str]) -> T:
        start = time.perf_counter()
        value = work()
        self.rows.append((name, f"{time.perf_counter() - start:.2f} s", result(value)))
        return value


@click.command()
@click.argument("folder", required=False, type=click.Path(path_type=Path))
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path("demo-output"), show_default=True
)
@click.option("--slices", type=click.IntRange(1, 500), default=32, show_default=True)
def demo(folder: Path | None, *, out: Path, slices: int) -> None:
    """Convert, verify, export and compare a series, and draw a preview of it.

    Without FOLDER a realistic, noisy CT series is generated. Everything goes into a new folder
    below --out.
    """
    target = _new_folder(out)
    steps = _Steps()
    if folder is None:
        folder = target / "source"
        _generate(folder, slices, steps)
    proven = _run(folder, target, steps)
    _print(steps, target)
    sys.exit(Exit.OK if proven else Exit.NOT_PROVEN)


def _new_folder(out: Path) -> Path:
    """Return a folder that did not exist before."""
    for number in range(1, 10000):
        target = out / f"run-{number:03d}"
        try:
            target.mkdir(parents=True)
        except FileExistsError:
            continue
        return target
    raise FileExistsError(errno.EEXIST, "it is full of demo runs; delete some", str(out))


def _generate(folder: Path, slices: int, steps: _Steps) -> None:
    from dicube_core.phantom import write_phantom_series

    steps.timed(
        "generate",
        lambda: write_phantom_series(folder, slices),
        lambda files: f"{len(files)} CT slices, {_folder_size(folder)}",
    )


def _run(folder: Path, target: Path, steps: _Steps) -> bool:
    import dicube_core
    from dicube_core.export import export_file
    from dicube_core.preview import write_preview
    from dicube_core.reader import Reader

    file = target / "series.dcbs"
    with progress_bar("converting") as progress:
        done = steps.timed(
            "convert",
            lambda: dicube_core.convert(folder, file, progress=progress),
            lambda c: (
                f"{size_text(c.source_bytes)} -> {size_text(c.file_bytes)} "
                f"({c.source_bytes / c.file_bytes:.2f}:1), every frame verified"
            ),
        )
    for name, reason in done.skipped:
        warn(f"left out {name}: {reason}")
    with progress_bar("verifying") as progress:
        report = steps.timed(
            "verify",
            lambda: dicube_core.verify_against(file, folder, progress=progress),
            lambda r: (
                f"{'OK' if r.ok else 'NOT OK'}: {r.elements_compared} elements and "
                f"{r.values_compared} stored values compared with the source"
            ),
        )
    for failure in report.failures:
        say(f"FAILED {failure}")
    steps.timed("load", lambda: dicube_core.load(file), lambda i: f"{i.shape} {i.dtype}")
    with Reader(file) as reader:
        files = steps.timed(
            "export",
            lambda: export_file(reader, target / "exported"),
            lambda f: f"{len(f)} DICOM files",
        )
        steps.timed(
            "preview",
            lambda: write_preview(reader, target / "preview.png"),
            lambda p: f"{p.width}x{p.height} pixels",
        )
    same, compared = _compare(folder, target / "exported")
    steps.rows.append(("compare", "", f"{same} of {compared} exported files equal the source"))
    normalised = len(files) - report.byte_identical  # sources that were not uncompressed
    return report.ok and same >= compared - normalised


def _compare(source: Path, exported: Path) -> tuple[int, int]:
    files = [path for path in exported.rglob("*") if path.is_file()]
    same = sum(
        1
        for path in files
        if (source / path.relative_to(exported)).is_file()
        and (source / path.relative_to(exported)).read_bytes() == path.read_bytes()
    )
    return same, len(files)


def _folder_size(folder: Path) -> str:
    return size_text(sum(p.stat().st_size for p in folder.rglob("*") if p.is_file()))


def _print(steps: _Steps, target: Path) -> None:
    from rich.table import Table

    from dicube_core.cli.console import table_console

    table = Table(box=None, pad_edge=False)
    for name in ("step", "time", "result"):
        table.add_column(name, justify="right" if name == "time" else "left")
    for row in steps.rows:
        table.add_row(*row)
    console = table_console()
    console.print(table)
    console.print(f"\neverything is in {target}; look at {target / 'preview.png'}", markup=False)
