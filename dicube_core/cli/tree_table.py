"""What ``dcbs convert`` says of a tree: a table, the reasons below it, and an exit code."""

from __future__ import annotations

import io
import json
import shutil
import sys
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from dicube_core.cli.exits import Exit
from dicube_core.cli.messages import warn
from dicube_core.cli.progress import size_text
from dicube_core.trees.report import Outcome
from dicube_core.trees.running import convert_tree

if TYPE_CHECKING:
    from pathlib import Path

    from dicube_core.trees.report import TreeReport, TreeRow

__all__ = ["convert_folder"]

#: Files that are named for one reason to leave them out.
_NAMED = 3
_WIDTH_OF_PIPES = 200


def convert_folder(source: Path, out: Path, *, as_json: bool, **options: Any) -> tuple[Exit, str]:
    """Convert a tree; return the exit code and what to print."""
    report = convert_tree(source, out, **options)
    if as_json:
        return _exit(report), json.dumps(report.to_dict(), indent=2)
    for line in _left_out(report):
        warn(line)
    return _exit(report), "\n".join((_table(report), *_reasons(report), _summary(report)))


def _exit(report: TreeReport) -> Exit:
    if report.of(Outcome.FAILED):
        return Exit.BAD_INPUT
    return Exit.UNSUPPORTED if report.of(Outcome.REFUSED) else Exit.OK


def _left_out(report: TreeReport) -> list[str]:
    by_reason: defaultdict[str, list[str]] = defaultdict(list)
    for path, reason in report.left_out:
        by_reason[reason].append(path)
    return [
        _plain(f"left out {_named(paths)}: {reason}") for reason, paths in sorted(by_reason.items())
    ]


def _named(paths: list[str] | tuple[str, ...]) -> str:
    more = len(paths) - _NAMED
    return ", ".join(paths[:_NAMED]) + (f" and {more} more" if more > 0 else "")


def _table(report: TreeReport) -> str:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False)
    for name in ("file", "series", "frames", "size", "source", "ratio", "seconds", "outcome"):
        right = name in ("size", "source", "ratio", "seconds")
        table.add_column(name, justify="right" if right else "left", overflow="fold")
    for row in report.rows:
        table.add_row(*map(Text, _cells(row)))  # Text: what a file says is never markup
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else _WIDTH_OF_PIPES
    console = Console(file=io.StringIO(), width=width)
    with console.capture() as capture:
        console.print(table)
    return "\n".join(line.rstrip() for line in capture.get().splitlines())


def _cells(row: TreeRow) -> list[str]:
    series = " ".join(filter(None, (row.modality, row.number, row.description)))
    series = series or _named(row.sources)
    if row.part:
        series += f" ({row.part})"
    size = "x".join(map(str, row.shape[1:3]))
    ratio = f"{row.source_bytes / row.file_bytes:.2f}" if row.file_bytes else "-"
    outcome = row.outcome.value
    if row.findings:
        outcome += f", {len(row.findings)} findings"
    return [
        row.file or "-",
        _plain(series),
        f"{row.frames} of {size}" if row.shape else "-",
        size_text(row.file_bytes) if row.file_bytes else "-",
        size_text(row.source_bytes),
        ratio,
        f"{row.seconds:.2f}",
        outcome,
    ]


def _reasons(report: TreeReport) -> list[str]:
    lines = []
    for row in report.rows:
        if row.outcome in (Outcome.REFUSED, Outcome.FAILED):
            lines.append(f"{row.outcome.value}: {_named(row.sources)}: {row.reason}")
        if row.copies:
            lines.append(f"taken once: {_named([copy for copy, _ in row.copies])}: equal copies")
    return [_plain(line) for line in lines]


def _summary(report: TreeReport) -> str:
    counts = ", ".join(f"{count} {name}" for name, count in report.counts().items() if count)
    frames = sum(row.frames for row in report.of(Outcome.CONVERTED))
    line = f"{report.out_folder}: {counts}; {frames} frames converted in {report.seconds:.2f} s"
    told = any(row.findings for row in report.rows)
    return f"{line}; see dcbs info for the findings" if told else line


def _plain(text: str) -> str:
    """Keep escape sequences of file names and headers from the terminal."""
    return "".join(character if character.isprintable() else "?" for character in text)
