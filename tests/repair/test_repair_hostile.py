"""Files that lie on purpose: a clear error or a sound file, and no more memory than there is."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from repair_cases import converted

TESTS = Path(__file__).parents[1]
_TIMEOUT = 840


@pytest.mark.timeout(_TIMEOUT + 60)
def test_hostile_files(tmp_path):
    whole = converted("grey", tmp_path)
    (tmp_path / "a.dcbs").write_bytes(whole.data)
    done = subprocess.run(
        [sys.executable, "-m", "support.repair_hostile", tmp_path / "a.dcbs", tmp_path],
        cwd=TESTS,
        capture_output=True,
        text=True,
        timeout=_TIMEOUT,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout)
    assert found["bad"] == []
    assert found["counts"]["error"] > 50
    assert found["counts"]["repaired"] > 100
