"""What worker processes do in tests; a module of its own, so that they can import it."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from dicube_core.settings import get_num_threads
from dicube_core.trees._worker import tell
from dicube_core.trees.verifying import verify_task


def square(number: int) -> int:
    return number * number


def process(_: int) -> int:
    time.sleep(0.2)
    return os.getpid()


def threads(_: int) -> int:
    time.sleep(0.3)
    return get_num_threads()


def die_on_three(number: int) -> int:
    if number == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def die_of_b(task: tuple[int, str]) -> object:
    """Verify a file, unless it is called so."""
    if task[1].endswith("b.dcbs"):
        os.kill(os.getpid(), signal.SIGKILL)
    return verify_task(task)


def fail_on_three(number: int) -> int:
    if number == 3:
        raise ValueError("three")
    return number


def count_until(mark: str) -> None:
    """Count until a file is there."""
    for number in range(1200):
        if Path(mark).exists():
            return
        tell(number)
        time.sleep(0.05)


def interrupted(folder: str) -> None:
    """Say that it runs; clean up when interrupted, slowly."""
    mark = Path(folder, f"{os.getpid()}.running")
    mark.touch()
    try:
        for _ in range(1200):
            time.sleep(0.05)
            tell(0)
    finally:
        time.sleep(0.3)
        mark.rename(mark.with_suffix(".cleaned"))
