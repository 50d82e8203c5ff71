"""Every system call of a writer that changes the file system fails, or is the last one (strace)."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

COMMAND = Path(__file__).resolve().parents[1] / "tests" / "reliability" / "crash_writes.py"


@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("writers", "step"),
    [
        ("save", 1),
        ("export file", 2),
        ("convert_tree,edit in place,edit report,deliver zip,save_to_nifti,capability cache", 9),
    ],
)
def test_a_fault_at_every_system_call(writers, step):
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed")
    done = subprocess.run(
        [sys.executable, str(COMMAND), *f"--only faults --step {step} --writers".split(), writers],
        capture_output=True,
        text=True,
        check=False,
    )
    if "skipped, " in done.stdout:
        pytest.skip(done.stdout.strip().splitlines()[0])  # where tracing is forbidden
    assert done.returncode == 0, done.stdout + done.stderr
    for call in ("openat", "write", "fsync", "rename"):
        assert f": {call} " in done.stdout
