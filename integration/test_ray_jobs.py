"""Jobs on a ray that is started for them: see ``ray_jobs.py``."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

for _name in ("ray", "pyarrow", "dask", "xarray", "kerchunk", "aiohttp"):
    pytest.importorskip(_name)

JOBS = Path(__file__).with_name("ray_jobs.py")


def test_jobs_on_ray(ray_folder):
    options = ("-q", "-x", "-p", "no:cacheprovider", "-p", "no:xdist", "-W", "default")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, f"--basetemp={ray_folder / 'files'}", JOBS],
        cwd=JOBS.parent,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-3000:]
    assert "skipped" not in done.stdout
