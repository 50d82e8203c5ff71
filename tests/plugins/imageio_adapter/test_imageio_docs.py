"""The examples of ``docs/imageio.md`` run, in their order."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import dicube_core
from dicube_core.phantom import write_phantom_series

pytest.importorskip("imageio")

DOCUMENT = (Path(__file__).resolve().parents[3] / "docs" / "imageio.md").read_text("utf-8")


def test_the_examples_run(tmp_path):
    write_phantom_series(tmp_path / "series", 6, size=64)
    dicube_core.convert(tmp_path / "series", tmp_path / "study.dcbs")
    examples = re.findall(r"```python\n(.*?)```", DOCUMENT, re.DOTALL)
    assert len(examples) == 2
    checks = """
import dicube_core, numpy
assert some.shape == (3, 64, 64) and volume.shape == (6, 64, 64)
assert numpy.array_equal(iio.imread(data), volume)
assert numpy.array_equal(iio.imread("volume.dcbs"), volume)
assert iio.immeta("volume.dcbs")["Modality"] == "MR"
"""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", "\n".join([*examples, checks])],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["(5.0, 6.25, 6.25)", "Thorax 5.0 generated"]
