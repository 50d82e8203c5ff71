"""What docs/nibabel.md shows works as it is printed."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

import dicube_core
from dicube_core.phantom import write_phantom_series

nib = pytest.importorskip("nibabel.loadsave")

TEXT = (Path(__file__).parents[3] / "docs" / "nibabel.md").read_text(encoding="utf-8")


def test_the_examples_run(tmp_path, monkeypatch, adapter):
    write_phantom_series(tmp_path / "series", 32, size=64)
    dicube_core.convert(tmp_path / "series", tmp_path / "study.dcbs")
    monkeypatch.chdir(tmp_path)
    first, second = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    names: dict[str, object] = {}
    exec(compile(first, "nibabel.md", "exec"), names)
    written, image = nib.load("study.nii.gz"), names["image"]
    assert np.array_equal(written.get_fdata(), image.get_fdata())
    exec(compile(second, "nibabel.md", "exec"), names)
    assert np.array_equal(nib.load("part.dcbs").get_fdata(), image.get_fdata()[..., 10:20])


def test_commands_are_those_of_nibabel():
    from importlib.metadata import entry_points

    known = {entry.name for entry in entry_points(group="console_scripts")}
    shown = set(re.findall(r"dcbs exec (nib-\w+)", TEXT))
    assert shown
    assert shown <= known
