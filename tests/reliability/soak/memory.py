"""Memory of this process: what it uses, and what its allocator holds beside that."""

from __future__ import annotations

import ctypes
import math
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

__all__ = ["Memory", "has_figures", "leave", "memory_now", "status_of"]

_FIELDS = "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost"


class _Figures(ctypes.Structure):
    """The structure that mallinfo2(3) returns."""

    _fields_ = [(name, ctypes.c_size_t) for name in _FIELDS.split()]


@dataclass(frozen=True, slots=True)
class Memory:
    """One look. All in MiB.

    Parameters
    ----------
    anonymous, file : float
        Resident pages that belong to no file, and those of files (libraries, files mapped).
    in_use : float
        Bytes that ``malloc`` has given out and that were not given back; NaN where it does not
        say. A leak in native code, or of large objects of Python, shows here and not elsewhere.
    held : float
        What ``malloc`` has of the system, in use or not; NaN where it does not say.
    """

    anonymous: float
    file: float
    in_use: float
    held: float


@cache
def _mallinfo() -> Any:
    """Return the function of glibc 2.33 and later, or None."""
    if not sys.platform.startswith("linux"):
        return None
    try:
        function = ctypes.CDLL("libc.so.6").mallinfo2
    except (OSError, AttributeError):
        return None
    function.restype = _Figures
    return function


def has_figures() -> bool:
    """Return whether the allocator tells what it has given out."""
    return _mallinfo() is not None


def status_of(pid: int | str) -> dict[str, str]:
    """Return what Linux says of a process.

    Raises
    ------
    OSError
        It has ended.
    """
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return dict(line.split(":", 1) for line in lines if ":" in line)


def memory_now() -> Memory:
    """Look at this process."""
    status = status_of("self")
    anonymous, file = (int(status[name].split()[0]) / 1024 for name in ("RssAnon", "RssFile"))
    function = _mallinfo()
    if function is None:
        return Memory(anonymous, file, math.nan, math.nan)
    found = function()
    in_use, held = found.uordblks + found.hblkhd, found.arena + found.hblkhd
    return Memory(anonymous, file, in_use / (1 << 20), held / (1 << 20))


def leave(size: int) -> None:
    """Take memory and forget it, as a fault in native code would: for tests of the judge."""
    take = ctypes.CDLL("libc.so.6").malloc
    take.argtypes, take.restype = [ctypes.c_size_t], ctypes.c_void_p
    ctypes.memset(take(size), 1, size)
