"""Limits of a process that reads a malformed file, and what it took."""

from __future__ import annotations

import os
import resource
import signal
from contextlib import suppress
from pathlib import Path

__all__ = [
    "CPU_SECONDS",
    "GROWTH_BYTES",
    "WALL_SECONDS",
    "allow_more_time",
    "peak_growth",
    "set_limits",
    "start_measuring",
]

#: Processor time of one probe. Reading one of these files takes some milliseconds.
CPU_SECONDS = 10
#: Time on the clock, for what waits and does nothing; long, as the machine may be busy.
WALL_SECONDS = 90
#: Address space beyond what the process has when it starts.
_ADDRESS_BYTES = 1 << 30
#: Resident memory that one probe may take; the files are of some kilobytes.
GROWTH_BYTES = 256 << 20
_FILE_BYTES = 64 << 20


def set_limits() -> None:
    """Give this process little memory, small files, and no core dump."""
    size = _status("VmSize") + _ADDRESS_BYTES
    for what, most in (
        (resource.RLIMIT_AS, size),
        (resource.RLIMIT_FSIZE, _FILE_BYTES),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(what, (most, most))
    signal.signal(signal.SIGXCPU, signal.SIG_DFL)


def allow_more_time() -> None:
    """Let the next probe have its processor time; beyond it, SIGXCPU ends the process."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    soft = int(used.ru_utime + used.ru_stime) + CPU_SECONDS + 1
    resource.setrlimit(resource.RLIMIT_CPU, (soft, resource.RLIM_INFINITY))


def start_measuring() -> int:
    """Forget how much memory was in use before; return what is now."""
    with suppress(OSError):  # without it, the highest mark of all probes counts
        Path("/proc/self/clear_refs").write_text("5", "ascii")
    return _status("VmRSS")


def peak_growth(before: int) -> int:
    """Return by how many bytes resident memory was higher than `before` at its highest."""
    return max(0, _status("VmHWM") - before)


def _status(name: str) -> int:
    """Return a size from the process's status, in bytes (proc(5))."""
    fd = os.open("/proc/self/status", os.O_RDONLY)
    try:
        text = os.read(fd, 1 << 14).decode("ascii", "replace")
    finally:
        os.close(fd)
    line = next(line for line in text.splitlines() if line.startswith(f"{name}:"))
    return int(line.split()[1]) * 1024
