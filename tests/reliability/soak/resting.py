"""Stop all threads of a process for a moment, and count what is there while nobody works."""

from __future__ import annotations

import gc
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from reliability.soak.memory import memory_now, status_of

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Gate", "Rest", "rest_now", "settle_interpreter"]

#: A thread that loads ahead ends when it had nothing to do for 0.2 s; the machine may be busy.
_LONGEST = 60.0
#: Seconds between two looks at the threads, and how many in a row must be alike.
_LOOK, _ALIKE = 0.01, 5


@dataclass(frozen=True, slots=True)
class Rest:
    """A process at rest. Memory in MiB.

    Parameters
    ----------
    seconds : float
        Since the beginning.
    operations : int
        Done since the beginning.
    threads, descriptors : int
        Of the process.
    blocks : int
        Blocks that Python's own allocator has given out (objects of up to 512 bytes).
    in_use, held, anonymous, file : float
        See `Memory`.
    """

    seconds: float
    operations: int
    threads: int
    descriptors: int
    blocks: int
    in_use: float
    held: float
    anonymous: float
    file: float

    @property
    def resident(self) -> float:
        """All that is resident."""
        return self.anonymous + self.file

    @property
    def outside(self) -> float:
        """What did not come from ``malloc`` and belongs to no file; NaN where it does not say.

        What ``malloc`` holds is not all resident, so the level means little; its rise does.
        """
        return self.anonymous - self.held


def settle_interpreter() -> None:
    """Let CPython's table of interned strings grow now, to what it will need.

    Strings come and go there with every module, pickle and JSON text. A place is not used again,
    so after some hundred thousand of them the table is made anew, twice as large if it was more
    than half full: 1.8 MiB more, once, at any time.
    """
    for number in range(200_000):
        sys.intern(f"a string for a moment, {number}")


def rest_now(seconds: float = 0.0, operations: int = 0) -> Rest:
    """Wait for the package's own threads to end, collect garbage, and look."""
    deadline = time.monotonic() + _LONGEST
    while time.monotonic() < deadline and any(
        thread.name.startswith("dicube") for thread in threading.enumerate()
    ):
        time.sleep(0.01)
    _wait_for_ended_threads(deadline)
    gc.collect()
    memory, threads = memory_now(), int(status_of("self")["Threads"])
    descriptors = len(list(Path("/proc/self/fd").iterdir())) - 1  # without the one to look
    return Rest(
        seconds,
        operations,
        threads,
        descriptors,
        sys.getallocatedblocks(),
        memory.in_use,
        memory.held,
        memory.anonymous,
        memory.file,
    )


def _wait_for_ended_threads(deadline: float) -> None:
    """Wait for threads that have ended for Python, and not yet for the system."""
    before, alike = _foreign_threads(), 0
    while alike < _ALIKE and time.monotonic() < deadline:
        time.sleep(_LOOK)
        found = _foreign_threads()
        alike = 0 if before - found else alike + 1
        before = found


def _foreign_threads() -> set[int]:
    """Return the threads that Python does not know: of libraries, or ended."""
    known = {thread.native_id for thread in threading.enumerate()}
    return {int(entry.name) for entry in Path("/proc/self/task").iterdir()} - known


class Gate:
    """Where threads wait while one looks.

    Parameters
    ----------
    threads : int
        How many come by again and again, until each leaves.
    """

    def __init__(self, threads: int) -> None:
        self._changed = threading.Condition()
        self._coming, self._waiting, self._shut = threads, 0, False

    def come_by(self) -> None:
        """Wait here if the gate is shut."""
        with self._changed:
            self._waiting += 1
            self._changed.notify_all()
            while self._shut:
                self._changed.wait()
            self._waiting -= 1

    def leave(self) -> None:
        """Come no more."""
        with self._changed:
            self._coming -= 1
            self._changed.notify_all()

    @contextmanager
    def rest(self) -> Iterator[None]:
        """Shut it, and wait until all that still come are here."""
        with self._changed:
            self._shut = True
            self._changed.wait_for(lambda: self._waiting >= self._coming)
        try:
            yield
        finally:
            with self._changed:
                self._shut = False
                self._changed.notify_all()
