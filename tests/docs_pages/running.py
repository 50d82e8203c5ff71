"""Run a page as its reader would: what it prints, or why it failed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from docs_pages.checks import CHECKS
from docs_pages.prepare import prepare

if TYPE_CHECKING:
    from docs_pages.page import Page

__all__ = ["run_page", "skip_unless_possible"]


def skip_unless_possible(page: Page) -> None:
    """Skip by name what needs a package that is not there."""
    if page.missing:
        pytest.skip(f"{', '.join(page.missing)} is not installed")


def run_page(
    page: Page, folder: Path, *, before: str = "", after: str = "", timeout: float = 200
) -> str:
    """Run all blocks of a page in one new process, then what is checked of its results."""
    script = prepare(folder, page) / "page.py"
    checks = after or CHECKS.get(page.name, "")
    script.write_text(before + page.script + checks, encoding="utf-8")
    scripts = str(Path(sys.executable).parent)
    done = subprocess.run(
        [sys.executable, script.name],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
        env={
            **os.environ,
            "PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}",
            "MPLBACKEND": "Agg",
            "XDG_CACHE_HOME": str(folder / "cache"),
        },
    )
    assert done.returncode == 0, f"docs/{page.name}: {done.stdout[-500:]}\n{done.stderr[-3000:]}"
    return done.stdout
