"""The real nvImageCodec, on a machine without a GPU: nothing crashes, and what it decodes is right.

On a machine with one, ``test_gpu_device.py`` asks the GPU itself.
"""

from __future__ import annotations

import ctypes
import sys
from pathlib import Path

import pytest
from environments import CORE, environment_with, run_python
from support.kind_series import Sort, sort_series
from support.series import Kind, make_series
from support.whole import write_files

import dicube_core

SCRIPT = Path(__file__).with_name("gpu_script.py")
REQUIREMENT = "nvidia-nvimgcodec-cu12[nvjpeg2k]>=0.9"


def has_driver():
    """Tell whether there is a driver of NVIDIA's."""
    try:
        ctypes.CDLL("libcuda.so.1")
    except OSError:
        return False
    return True


@pytest.mark.skipif(sys.platform != "linux", reason="the package is asked for on Linux")
@pytest.mark.skipif(has_driver(), reason="this machine has a GPU: test_gpu_device.py asks it")
def test_without_a_gpu(site, tmp_path):
    sources = {
        "ct": make_series(3, Kind("ct", rows=70, columns=130)),
        "signed": make_series(3, Kind("signed", stored=16, signed=True)),
        "rgb": sort_series(Sort("rgb", rows=66, columns=80)),
    }
    for name, files in sources.items():
        write_files(tmp_path / name, files)
        dicube_core.convert(tmp_path / name, tmp_path / f"{name}.dcbs")
    python = environment_with(*CORE, "click>=8.1", REQUIREMENT)
    out = run_python(python, site, SCRIPT, tmp_path, cwd=tmp_path)
    assert out.splitlines()[-1].startswith("all well with nvImageCodec")
