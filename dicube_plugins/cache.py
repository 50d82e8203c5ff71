"""Results of probes, kept in memory and on disk so that a consumer is not asked each time."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import platform
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dicube_core import __version__
from dicube_core.atomic import write_bytes
from dicube_core.codec.self_test import distribution_version
from dicube_core.forks import ForkSafeLock
from dicube_plugins.capability import PROBED, Capability
from dicube_plugins.installation import find_installation, stamp
from dicube_plugins.probe import DEFAULT_TIMEOUT, probe
from dicube_plugins.probe_slices import REVISION

if TYPE_CHECKING:
    from dicube_plugins.consumers.base import Consumer
    from dicube_plugins.installation import Installation

__all__ = ["CapabilityCache", "cache_folder", "capability_of", "read_entry", "write_entry"]

_MAX_ENTRY = 1 << 20


def cache_folder() -> Path:
    """Return the folder of this package in the user's cache (XDG base directory specification)."""
    given = os.environ.get("XDG_CACHE_HOME", "")
    if os.path.isabs(given):  # noqa: PTH117 - others are to be ignored, says the specification
        return Path(given) / "dicube"
    if sys.platform == "win32" and os.environ.get("LOCALAPPDATA"):
        return Path(os.environ["LOCALAPPDATA"]) / "dicube"
    return Path.home() / ".cache" / "dicube"


class CapabilityCache:
    """Capabilities by consumer and installation. Safe for several threads and processes.

    In memory a result is kept for the life of this object. On disk it is found again as long as
    consumer, executable, versions and this package are the same; results that may be otherwise
    next time (not installed, no answer in time) are not kept there.

    Parameters
    ----------
    folder : Path, optional
        On disk; by default that of the user. Where it cannot be written, memory must do.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        # A process may be forked while a probe is running, which takes seconds.
        self._lock = ForkSafeLock()
        self._memory: dict[tuple[Consumer, str], Capability] = {}
        self._probing: dict[tuple[Consumer, str], ForkSafeLock] = {}

    def get(
        self,
        consumer: Consumer,
        executable: str | os.PathLike[str] | None = None,
        *,
        refresh: bool = False,
        timeout: float = DEFAULT_TIMEOUT,
    ) -> Capability:
        """Return what a consumer reads; see `capability_of`."""
        key = (consumer, os.fspath(executable) if executable is not None else "")
        with self._lock:
            probing = self._probing.setdefault(key, ForkSafeLock())
        with probing:  # one probe at a time for each consumer, however many ask
            known = self._memory.get(key)
            if known is not None and not refresh:
                return replace(known, from_cache=True)
            installation = find_installation(consumer, executable)
            path = self._path(consumer, installation)
            found = None if refresh else _load(path, consumer)
            if found is None:
                found = probe(consumer, installation, timeout)
                if found.conclusive:
                    write_entry(path, found.to_dict())
            self._memory[key] = found
            return found

    def _path(self, consumer: Consumer, installation: Installation) -> Path:
        parts = [
            consumer.name,
            consumer.command,
            [stamp(part) for part in consumer.command if os.path.isabs(part)],  # noqa: PTH117
            installation.fingerprint(),
            [__version__, REVISION, PROBED, distribution_version("imagecodecs")],
            [platform.system(), platform.machine()],
        ]
        digest = hashlib.sha256(json.dumps(parts).encode()).hexdigest()
        return (self._folder or cache_folder()) / "capabilities" / f"{digest}.json"


def _load(path: Path, consumer: Consumer) -> Capability | None:
    """Return a result from disk; None where there is none that can be read."""
    try:
        found = Capability.from_dict(read_entry(path))
    except (OSError, ValueError, KeyError, TypeError):
        return None  # it is only a cache: the consumer is asked again
    return replace(found, from_cache=True) if found.consumer == consumer.name else None


def read_entry(path: Path) -> Any:
    """Return the JSON value that a result was kept as.

    Raises
    ------
    OSError, ValueError
        There is none, or it is none.
    """
    with path.open("rb") as file:
        return json.loads(file.read(_MAX_ENTRY))


def write_entry(path: Path, values: dict[str, Any]) -> None:
    """Keep a result as a whole or not at all. A cache that cannot be written is no failure."""
    data = json.dumps(values, indent=1).encode()
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_bytes(data, path)


_default = CapabilityCache()


def capability_of(
    consumer: str | Consumer,
    executable: str | os.PathLike[str] | None = None,
    *,
    refresh: bool = False,
    timeout: float = DEFAULT_TIMEOUT,
) -> Capability:
    """Return what a consumer was found to read, and probe it if that is not known yet.

    Parameters
    ----------
    consumer : str or Consumer
        Who; a name is one of `dicube_plugins.known_consumers`.
    executable : path-like, optional
        The interpreter a library is installed for, or the path of a program.
    refresh : bool
        Probe again whatever is known. A process that runs for long does not notice by itself
        that a consumer was updated.
    timeout : float
        Seconds for each transfer syntax.

    Raises
    ------
    LookupError
        No plugin gives a consumer of this name; the message lists those known.
    """
    if isinstance(consumer, str):
        from dicube_plugins.manager import known_consumers

        known = known_consumers()
        if consumer not in known:
            raise LookupError(
                f"no consumer {consumer!r} is known; there are {', '.join(sorted(known))}"
            )
        consumer = known[consumer]
    return _default.get(consumer, executable, refresh=refresh, timeout=timeout)
