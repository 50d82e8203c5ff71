"""Whole processes: from the start of the interpreter to the first slice, and to the end."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import TYPE_CHECKING

from core_bench.timing import Comparison, Race

if TYPE_CHECKING:
    from pathlib import Path

    from core_bench.fixtures import Fixture
    from core_bench.outcome import Row

__all__ = ["time_processes"]

_OURS = """
import sys
from dicube_core.streaming import DcbStreamingReader
with DcbStreamingReader(sys.argv[1]) as stream:
    stream.get_dicom_for_frame(0)
heavy = {"numpy", "pydicom", "imagecodecs"} & sys.modules.keys()
sys.exit(f"loaded: {heavy}" if heavy and sys.argv[2] == "light" else 0)
"""
_DICUBE = """
import sys
from dicube.dicom.dcb_streaming import DcbStreamingReader
reader = DcbStreamingReader(sys.argv[1])
reader._create_dicom_for_frame(0)
reader.close()
"""


def time_processes(fixture: Fixture, rounds: int) -> list[Row]:
    """Time processes that serve one HTJ2K slice; ours must load neither numpy nor pydicom."""
    race = Race(fixture.source.name)
    race.add("ours", lambda: _process(_OURS, fixture.ours, "light"))
    race.add("nothing", lambda: _process("", fixture.ours, ""))
    if fixture.dicube is not None:
        race.add("theirs", lambda: _process(_OURS, fixture.theirs, ""))
        race.add("dicube", lambda: _process(_DICUBE, fixture.theirs, ""))
    race.run(rounds)
    against = "dicube 0.3.0"
    return [
        race.row(Comparison("fresh process, one slice", "ours", "dicube", against, 0.4)),
        race.row(Comparison("the same, file of 0.3.0", "theirs", "dicube", against)),
        race.row(Comparison("fresh process, one slice", "ours", "nothing", "empty process")),
    ]


def _process(code: str, path: Path, mode: str) -> float:
    start = time.perf_counter()
    command = [sys.executable, "-W", "ignore", "-c", code, str(path), mode]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"a process that serves one slice failed: {done.stderr.strip()}")
    return time.perf_counter() - start
