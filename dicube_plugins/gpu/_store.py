"""Results of device probes, kept in memory and on disk: a probe takes seconds."""

from __future__ import annotations

import hashlib
import json
import platform
from typing import TYPE_CHECKING

from dicube_core import __version__
from dicube_core.codec.self_test import distribution_version
from dicube_core.forks import ForkSafeLock
from dicube_plugins.cache import cache_folder, read_entry, write_entry
from dicube_plugins.gpu._capability import DeviceCapability
from dicube_plugins.gpu._probe import probe

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from dicube_plugins.gpu._driver import Device

    Probe = Callable[[Device], tuple[DeviceCapability, bool]]

__all__ = ["CapabilityStore"]

#: Goes up when the probe frames change.
_REVISION = 1


class CapabilityStore:
    """Capabilities by device, driver and versions. Safe for several threads and processes.

    Another GPU, driver, nvImageCodec, nvJPEG2000, encoder or version of this package is probed
    anew. A probe that had no end (a crash, a hang) is repeated by the next process.

    Parameters
    ----------
    folder : Path, optional
        On disk; by default that of the user. Where it cannot be written, memory must do.
    run : callable, optional
        Probes a device.
    """

    def __init__(self, folder: Path | None = None, run: Probe = probe) -> None:
        self._folder = folder
        self._run = run
        self._lock = ForkSafeLock()
        self._memory: dict[str, DeviceCapability] = {}

    def get(self, device: Device, *, refresh: bool = False) -> DeviceCapability:
        """Return what a device decodes, and probe it if that is not known yet."""
        digest = _digest(device)
        with self._lock:
            known = self._memory.get(digest)
            if known is not None and not refresh:
                return known.cached()
            path = (self._folder or cache_folder()) / "devices" / f"{digest}.json"
            found = None if refresh else _load(path, device)
            if found is None:
                found, conclusive = self._run(device)
                if conclusive:
                    write_entry(path, found.to_dict())
            self._memory[digest] = found
            return found


def _digest(device: Device) -> str:
    parts = [
        [device.index, device.name, device.uuid, device.driver, sorted(device.versions.items())],
        [__version__, _REVISION, distribution_version("imagecodecs")],
        [platform.system(), platform.machine(), platform.python_version()],
    ]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _load(path: Path, device: Device) -> DeviceCapability | None:
    """Return a result from disk; None where there is none that can be read."""
    try:
        found = DeviceCapability.from_dict(read_entry(path))
    except (OSError, ValueError, KeyError, TypeError):
        return None  # it is only a cache: the device is asked again
    return found.cached() if found.device == str(device) and found.results else None
