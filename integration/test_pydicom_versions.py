"""The pydicom adapter from the wheel, with the oldest pydicom that is supported and the newest."""

from __future__ import annotations

from pathlib import Path

import pytest
from environments import CORE, environment_with, run_python

import dicube_core
from dicube_core.phantom import write_phantom_series

SCRIPT = Path(__file__).with_name("pydicom_script.py")


@pytest.mark.parametrize(
    ("version", "requirements"),
    [("3.0.1", ("pydicom==3.0.1",)), ("3.", ("pydicom>=3.0.2,<4",))],
    ids=["oldest", "newest"],
)
def test_the_script_of_a_user(site, tmp_path, version, requirements):
    python = environment_with(*CORE, *requirements)
    write_phantom_series(tmp_path / "source", 5, size=64)
    dicube_core.convert(tmp_path / "source", tmp_path / "series.dcbs")
    out = run_python(python, site, SCRIPT, tmp_path, cwd=tmp_path)
    assert out.startswith(f"all well with pydicom {version}")
