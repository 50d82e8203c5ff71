"""Run a foreign program that may hang, crash, or leave children behind."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["describe_status", "run_limited"]


def run_limited(
    command: Sequence[str], timeout: float, *, folder: Path | None, stdout: int, stderr: int
) -> int | None:
    """Run a command in a process group of its own.

    Parameters
    ----------
    command : sequence of str
        Arguments.
    timeout : float
        Seconds until the whole group is killed.
    folder : Path or None
        Current folder of the process.
    stdout, stderr : int
        Descriptors, or the constants of `subprocess` but for a pipe, which a child that
        outlives the process would keep open.

    Returns
    -------
    int or None
        Exit status, negative for a signal; None where it took too long.

    Raises
    ------
    OSError
        It cannot be started.
    """
    process = subprocess.Popen(  # noqa: S603 - the caller's business
        command,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=stderr,
        start_new_session=True,
    )
    try:
        return process.wait(timeout)
    except subprocess.TimeoutExpired:
        return None
    finally:
        if sys.platform != "win32":
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
        process.kill()
        process.wait()


def describe_status(status: int) -> str:
    """Return an exit status in words."""
    if status >= 0:
        return f"exit status {status}"
    try:
        return f"killed by {signal.Signals(-status).name}"
    except ValueError:
        return f"killed by signal {-status}"
