"""Process-wide number of worker threads, and the limits that hostile files run into."""

from __future__ import annotations

import os
from dataclasses import dataclass

__all__ = ["LIMITS", "Limits", "get_num_threads", "set_num_threads"]


@dataclass(frozen=True, slots=True)
class Limits:
    """Upper bounds on what is allocated on behalf of a file.

    Parameters
    ----------
    metadata_bytes : int
        Largest decompressed metadata section.
    frame_bytes : int
        Largest decoded frame.
    json_depth : int
        Deepest nesting of sequences in metadata.
    """

    metadata_bytes: int = 1 << 30
    frame_bytes: int = 1 << 30
    json_depth: int = 200


LIMITS = Limits()


def _usable_cpus() -> int:
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on every platform
        return os.cpu_count() or 1


_num_threads: int = max(1, min(_usable_cpus(), 16))


def get_num_threads() -> int:
    """Return the number of threads that encode and decode frames (default: usable processors)."""
    return _num_threads


def set_num_threads(num_threads: int) -> None:
    """Set the number of threads that encode and decode frames.

    Raises
    ------
    ValueError
        `num_threads` is below 1.
    """
    global _num_threads  # noqa: PLW0603 - the documented switch of the API stood in for
    if num_threads < 1:
        raise ValueError(f"number of threads must be at least 1, not {num_threads}")
    _num_threads = int(num_threads)
