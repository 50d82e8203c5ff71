"""The check of Spark, which is not part of the tests, says what it lacks."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def test_nothing_is_checked_without_pyspark_or_java():
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("check_spark.py"))],
        env={**os.environ, "PATH": "", "JAVA_HOME": ""},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2, done.stderr
    assert done.stdout.startswith("nothing was checked: ")
    assert "is not installed" in done.stdout or "no Java" in done.stdout
