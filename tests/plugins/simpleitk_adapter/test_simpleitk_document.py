"""What docs/simpleitk.md shows works as it is printed."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

import dicube_core
from dicube_core.phantom import write_phantom_series

TEXT = (Path(__file__).parents[3] / "docs" / "simpleitk.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"<!-- run( itk)? -->\n```python\n(.*?)```", TEXT, re.DOTALL)


@pytest.mark.parametrize("number", range(3))
def test_the_examples_run_in_a_new_process(tmp_path, number):
    needs_itk, code = BLOCKS[number]
    framework = "itk" if needs_itk else "SimpleITK"
    if find_spec(framework) is None:
        pytest.skip(f"{framework} is not installed")
    write_phantom_series(tmp_path / "series", 5, size=48)
    dicube_core.convert(tmp_path / "series", tmp_path / "study.dcbs")
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_there_are_no_others():
    assert len(BLOCKS) == 3
    assert TEXT.count("```python") == 3
