"""What ``dcbs verify`` says of many files."""

from __future__ import annotations

import io
import json
import shutil
import sys
from typing import TYPE_CHECKING, Any

from dicube_core.cli.exits import Exit
from dicube_core.cli.progress import size_text
from dicube_core.trees.verifying import verify_files

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from dicube_core.trees.verifying import VerifiedFile, VerifyFilesReport
    from dicube_core.verify import VerifyReport

__all__ = ["verify_many"]

#: Failures that are named of one file.
_NAMED = 5
_WIDTH_OF_PIPES = 200


def verify_many(paths: Sequence[Path | str], *, as_json: bool, **options: Any) -> tuple[Exit, str]:
    """Verify files, folders and addresses; return the exit code and what to print."""
    report = verify_files(paths, **options)
    if as_json:
        return _exit(report), json.dumps(report.to_dict(), indent=2)
    return _exit(report), "\n".join((_table(report), *_reasons(report), _summary(report)))


def _exit(report: VerifyFilesReport) -> Exit:
    counts = report.counts()
    if counts["damaged"]:
        return Exit.NOT_PROVEN
    return Exit.SYSTEM if counts["failed"] else Exit.OK


def _table(report: VerifyFilesReport) -> str:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False)
    for name in ("file", "frames", "checksums", "size", "seconds", "outcome"):
        right = name in ("size", "seconds")
        table.add_column(name, justify="right" if right else "left", overflow="fold")
    for one in report.files:
        table.add_row(*map(Text, _cells(one)))
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else _WIDTH_OF_PIPES
    console = Console(file=io.StringIO(), width=width)
    with console.capture() as capture:
        console.print(table)
    return "\n".join(line.rstrip() for line in capture.get().splitlines())


def _cells(one: VerifiedFile) -> list[str]:
    if one.report is None:
        return [_plain(one.path), "-", "-", "-", f"{one.seconds:.2f}", "FAILED"]
    report = one.report
    outcome = "OK" if report.ok else f"NOT OK, {len(report.failures)} failures"
    return [
        _plain(one.path),
        f"{report.frames_decoded} of {report.frame_count}" if report.frame_count else "-",
        _checksums(report),
        size_text(one.file_bytes) if one.file_bytes else "-",  # what stores hold is not asked
        f"{one.seconds:.2f}",
        f"{outcome}, repaired" if report.repaired else outcome,
    ]


def _checksums(report: VerifyReport) -> str:
    if not report.frame_count:
        return "-"  # it could not be opened, so that nobody knows
    return "compared" if report.checksums else "none"


def _reasons(report: VerifyFilesReport) -> list[str]:
    lines = []
    for one in report.files:
        lines += [f"FAILED {one.path}: {text}" for text in one.failures[:_NAMED]]
        more = len(one.failures) - _NAMED
        if more > 0:
            lines.append(f"FAILED {one.path}: and {more} more")
    return [_plain(" ".join(line.split())) for line in lines]


def _summary(report: VerifyFilesReport) -> str:
    counts = ", ".join(f"{count} {name}" for name, count in report.counts().items() if count)
    frames = sum(one.report.frames_decoded for one in report.files if one.report is not None)
    other = f"; {report.left_out} other files left out" if report.left_out else ""
    return (
        f"{len(report.files)} files: {counts}; {frames} frames decoded in {report.seconds:.2f} s"
        f"{other}"
    )


def _plain(text: str) -> str:
    """Keep escape sequences of file names from the terminal."""
    return "".join(character if character.isprintable() else "?" for character in text)
