"""Conversions by other processes that stand still in the middle of a file until they are let go.

A test that waited for the right moment instead would miss it whenever the machine is busy.
"""

from __future__ import annotations

import os
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator

__all__ = ["RUN", "finished", "held", "held_environment", "temporary", "wait_until"]

#: Runs ``dcbs``. Whatever runs the tests may have interrupts ignored, as nohup does.
RUN = (
    "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    "from dicube_core.cli import main; main()"
)
_FOLDER = Path(__file__).with_name("held")
_SECONDS = 120


def held_environment(hold: Path) -> dict[str, str]:
    """Return the environment of processes whose conversions `held` holds."""
    before = os.environ.get("PYTHONPATH")
    path = os.pathsep.join(filter(None, (str(_FOLDER), before)))
    return {**os.environ, "PYTHONPATH": path, "DICUBE_TEST_HOLD": str(hold)}


@contextmanager
def held(hold: Path, out: Path, done: int) -> Iterator[None]:
    """Hold all conversions to a folder once so many files are done there; let go at the end.

    Files that were about to be finished then still are.
    """
    part = hold.with_suffix(".part")
    part.write_text(f"{done}\n{out}", "utf-8")
    part.replace(hold)
    try:
        yield
    finally:
        hold.unlink()


def temporary(folder: Path) -> list[Path]:
    """Return the files that are being written."""
    return list(folder.glob(".*.tmp")) if folder.exists() else []


def finished(out: Path) -> list[Path]:
    """Return the files that are done."""
    return list(out.glob("*.dcbs")) if out.exists() else []


def wait_until(condition: Callable[[], object], process: subprocess.Popen[str]) -> None:
    """Wait for something to be so while a process runs; fail where it is not in time."""
    deadline = time.monotonic() + _SECONDS
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline, "it never came to that"
        time.sleep(0.005)
