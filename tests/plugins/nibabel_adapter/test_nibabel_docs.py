"""Commands that docs/nibabel.md shows are there; its code runs in ``tests/docs_pages``."""

from __future__ import annotations

import re
from importlib.metadata import entry_points
from pathlib import Path

import pytest

pytest.importorskip("nibabel.loadsave")

TEXT = (Path(__file__).parents[3] / "docs" / "nibabel.md").read_text(encoding="utf-8")


def test_commands_are_those_of_nibabel():
    known = {entry.name for entry in entry_points(group="console_scripts")}
    shown = set(re.findall(r"dcbs exec (nib-\w+)", TEXT))
    assert shown
    assert shown <= known
