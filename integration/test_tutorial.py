"""The tutorial is followed literally: a new environment, its commands and files, nothing else."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from importlib.metadata import version
from typing import TYPE_CHECKING

import pytest
from docs_pages.page import Page
from environments import ROOT

if TYPE_CHECKING:
    from pathlib import Path

pytest.importorskip("torch")
PAGE = Page.read("tutorial.md")
#: What a checkout needs to be installed from.
_CHECKOUT = ("pyproject.toml", "README.md", "LICENSE", "dicube_core", "dicube_plugins")


def followed(page: Page) -> str:
    """Return what a reader types: files with an editor, commands into one shell."""
    lines = ["set -eu"]
    for block in page.blocks:
        if block.mark.startswith("file: "):
            name = block.mark.removeprefix("file: ")
            lines.append(f"cat > {name} <<'END OF FILE'\n{block.code}\nEND OF FILE")
        elif block.mark == "run":
            lines.append(block.code)
    return "\n".join(lines)


def pip_settings(folder: Path) -> dict[str, str]:
    """Make pip take the PyTorch that is installed here, which may not be the index's default."""
    wanted = f"torch=={version('torch')}"
    constraints = folder / "constraints.txt"
    constraints.write_text(f"{wanted}\n")
    settings = {"PIP_CONSTRAINT": str(constraints), "PIP_NO_COMPILE": "1"}
    options = ("--dry-run", "--ignore-installed", "--no-deps", "-q")
    command = [sys.executable, "-m", "pip", "install", *options, wanted]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        settings["PIP_EXTRA_INDEX_URL"] = "https://download.pytorch.org/whl/cpu"
    return settings


@pytest.mark.timeout(900)
def test_a_new_user_reaches_a_training_batch(tmp_path):
    for name in _CHECKOUT:
        source = ROOT / name
        copy = shutil.copytree if source.is_dir() else shutil.copy
        copy(source, tmp_path / name)
    kept = ("HOME", "PATH", "LANG", "TMPDIR", "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL")
    environment = {name: os.environ[name] for name in kept if name in os.environ}
    environment |= pip_settings(tmp_path)
    done = subprocess.run(
        ["bash", "-c", followed(PAGE)],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=840,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout[-2000:]}\n{done.stderr[-3000:]}"
    lines = done.stdout.splitlines()
    assert (
        sum("(4, 1, 32, 32, 16)" in line for line in lines) == 2
    )  # a batch at the end of each epoch
    assert lines[-1] == "the same files"
    assert (tmp_path / "planes.png").stat().st_size > 1000


def test_every_block_is_followed():
    for block in PAGE.blocks:
        assert block.mark == "run" or block.mark.startswith("file: "), block.line
