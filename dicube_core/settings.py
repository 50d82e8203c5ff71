"""Process-wide settings: the number of worker threads, and the limits that hostile files run into.

Limits are read where they are applied, at every call, so a change holds at once. Before the first
change they are what the environment says (`VARIABLES`), for servers that are configured by it.
"""

from __future__ import annotations

import os
import threading
from dataclasses import asdict, dataclass, fields, replace

from dicube_core.exceptions import SettingsError

__all__ = [
    "VARIABLES",
    "Limits",
    "get_limits",
    "get_num_threads",
    "how_to_raise",
    "limits_as_dict",
    "set_limits",
    "set_num_threads",
]

#: Environment variable of each limit. An empty text or ``none`` means None, where that is allowed.
VARIABLES = {
    "metadata_bytes": "DICUBE_MAX_METADATA_BYTES",
    "frame_bytes": "DICUBE_MAX_FRAME_BYTES",
    "frame_count": "DICUBE_MAX_FRAMES",
    "json_depth": "DICUBE_MAX_DEPTH",
    "decode_seconds": "DICUBE_DECODE_SECONDS",
    "decode_memory_bytes": "DICUBE_DECODE_MEMORY_BYTES",
}
#: Least and greatest value. Deeper nesting would run into the limits of the interpreter.
_RANGES: dict[str, tuple[float, float]] = {
    "metadata_bytes": (1, 1 << 62),
    "frame_bytes": (1, 1 << 62),
    "frame_count": (1, 1 << 32),
    "json_depth": (1, 200),
    "decode_seconds": (0.001, 86_400),
    "decode_memory_bytes": (1 << 20, 1 << 62),
}


@dataclass(frozen=True, slots=True)
class Limits:
    """Upper bounds on what is done and allocated on behalf of a file.

    Parameters
    ----------
    metadata_bytes : int
        Largest metadata section, as stored and decompressed; largest deflated data set of a
        DICOM source.
    frame_bytes : int
        Largest decoded frame, of ``.dcbs`` files and of sources.
    frame_count : int
        Most frames of a file or series.
    json_depth : int
        Deepest nesting of sequences in metadata, at most 200. Data sets of DICOM sources are
        never read deeper than 64.
    decode_seconds : float or None
        Longest time that decoding one frame may take. None (the default) decodes in this process
        and sets no bound. Else frames are decoded in worker processes, which are ended when the
        time is over (`dicube_core.codec.bounded`).
    decode_memory_bytes : int
        Memory that such a worker process may take beyond what it needs to start.

    Raises
    ------
    SettingsError
        A value is no number, or out of range.
    """

    metadata_bytes: int = 1 << 30
    frame_bytes: int = 1 << 30
    frame_count: int = 1 << 20
    json_depth: int = 200
    decode_seconds: float | None = None
    decode_memory_bytes: int = 4 << 30

    def __post_init__(self) -> None:
        for field in fields(self):
            _check(field.name, getattr(self, field.name), field.name)


def _check(name: str, value: object, said_by: str) -> None:
    """Refuse what is no possible value of a limit; `said_by` is put in front of the error."""
    least, most = _RANGES[name]
    if name == "decode_seconds":
        if value is None:
            return
        right = isinstance(value, int | float) and not isinstance(value, bool)
    else:
        right = type(value) is int
    if not right or not least <= value <= most:  # type: ignore[operator]
        kind = "a number of seconds" if name == "decode_seconds" else "an integer"
        or_none = ", or None" if name == "decode_seconds" else ""
        raise SettingsError(
            f"{said_by} must be {kind} from {least:g} to {most:g}{or_none}, not {value!r}"
        )


def _of_environment() -> Limits:
    """Return the limits that the environment gives; a bad value is an error, never passed over."""
    found: dict[str, object] = {}
    for name, variable in VARIABLES.items():
        text = os.environ.get(variable)
        if text is None:
            continue
        value: object = text
        if name == "decode_seconds" and text.strip().lower() in ("", "none"):
            value = None
        else:
            try:
                value = float(text) if name == "decode_seconds" else int(text)
            except ValueError:
                value = text
        _check(name, value, f"environment variable {variable}")
        found[name] = value
    return Limits(**found)  # type: ignore[arg-type]


_lock = threading.Lock()
if hasattr(os, "register_at_fork"):
    # Another thread of the parent may hold it just then.
    os.register_at_fork(
        before=_lock.acquire, after_in_parent=_lock.release, after_in_child=_lock.release
    )
_limits: Limits | None = None


def get_limits() -> Limits:
    """Return the limits that hold now. Thread-safe.

    Raises
    ------
    SettingsError
        An environment variable says something that cannot be; it is named.
    """
    return _limits if _limits is not None else set_limits()


def set_limits(**changes: float | None) -> Limits:
    """Replace some of the limits of this process, and return all of them. Thread-safe.

    Worker processes that this package starts get the same. Others (data loaders) begin with the
    environment.

    Parameters
    ----------
    **changes
        Fields of `Limits`.

    Raises
    ------
    SettingsError
        There is no such limit, or its value cannot be; nothing is changed then.

    Examples
    --------
    >>> import dicube_core
    >>> before = dicube_core.get_limits()
    >>> dicube_core.set_limits(frame_bytes=64 << 20).frame_bytes
    67108864
    >>> dicube_core.set_limits(frame_bytes=before.frame_bytes) == before
    True
    """
    global _limits  # noqa: PLW0603 - the one place that replaces them
    unknown = sorted(changes.keys() - VARIABLES.keys())
    if unknown:
        raise SettingsError(
            f"no limit is called {', '.join(unknown)}; there are {', '.join(VARIABLES)}"
        )
    with _lock:
        current = _of_environment() if _limits is None else _limits
        _limits = replace(current, **changes)  # type: ignore[arg-type]
        return _limits


def limits_as_dict() -> dict[str, float | None]:
    """Return the limits that hold now as arguments of `set_limits`, for another process."""
    return asdict(get_limits())


def how_to_raise(name: str) -> str:
    """Return the end of an error: how to let through what a limit refused."""
    value = getattr(get_limits(), name)
    if value >= _RANGES[name][1]:
        return f"the limit {name} is at its highest value"
    return (
        f"if the file can be trusted, raise the limit: dicube_core.set_limits({name}=...), or the "
        f"environment variable {VARIABLES[name]}"
    )


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
