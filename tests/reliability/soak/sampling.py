"""What a process under load takes of the machine, as others see it in /proc."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from reliability.soak.memory import status_of

__all__ = ["Sample", "sample_process"]


@dataclass(frozen=True, slots=True)
class Sample:
    """One look at a process.

    Parameters
    ----------
    seconds : float
        Since the beginning.
    resident : float
        Resident memory, MiB.
    threads, descriptors : int
        Of the process.
    operations : int
        Done since the beginning.
    """

    seconds: float
    resident: float
    threads: int
    descriptors: int
    operations: int


def sample_process(pid: int, seconds: float, operations: int) -> Sample | None:
    """Look at a process; None where it has ended."""
    try:
        status = status_of(pid)
        descriptors = len(list(Path(f"/proc/{pid}/fd").iterdir()))
        resident = int(status["VmRSS"].split()[0]) / 1024
    except (OSError, KeyError):
        return None
    return Sample(seconds, resident, int(status["Threads"]), descriptors, operations)
