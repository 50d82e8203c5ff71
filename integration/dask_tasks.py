"""What the workers of dask do in tests; a module of its own, so that they can import it."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from dicube_core.settings import get_num_threads, limits_as_dict
from dicube_core.trees._worker import tell


def settings(_: int) -> tuple[int, dict]:
    time.sleep(0.05)
    return get_num_threads(), limits_as_dict()


def here() -> int:
    return os.getpid()


def die_on_three(number: int) -> int:
    if number == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(0.05)
    return number


def die_of(reader) -> str:
    """Return the name of a file, and die of the one that is called poison."""
    if "poison" in reader.name:
        os.kill(os.getpid(), signal.SIGKILL)
    return Path(reader.name).name


def slow(limit: int) -> int:
    for number in range(limit):
        tell(number)
        time.sleep(0.05)
    return limit


def count_until(mark: str) -> None:
    """Count until a file is there."""
    for number in range(1200):
        if Path(mark).exists():
            return
        tell(number)
        time.sleep(0.05)


def decode(reader) -> int:
    return int(reader.frame(0).sum())
