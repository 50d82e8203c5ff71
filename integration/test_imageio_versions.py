"""The imageio adapter from the wheel, with the oldest imageio that is supported and the newest."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from environments import CORE, environment_with, run_python

import dicube_core
from dicube_core.phantom import phantom_frames, write_phantom_series

SCRIPT = Path(__file__).with_name("imageio_script.py")


@pytest.mark.parametrize(
    ("version", "requirements"),
    [("2.34.0", ("imageio==2.34.0",)), ("", ("imageio>=2.38",))],
    ids=["oldest", "newest"],
)
def test_the_script_of_a_user(site, tmp_path, version, requirements):
    python = environment_with(*CORE, *requirements)
    write_phantom_series(tmp_path / "source", 5, size=64)
    dicube_core.convert(tmp_path / "source", tmp_path / "series.dcbs")
    # Of the phantom itself; slices are sorted along the normal, the phantom runs against it.
    frames = np.stack(list(phantom_frames(5, 64)))[::-1].astype("int16") - 1024
    np.save(tmp_path / "expected.npy", frames.astype("int16"))
    out = run_python(python, site, SCRIPT, tmp_path, cwd=tmp_path)
    assert out.startswith(f"all well with imageio {version}")
