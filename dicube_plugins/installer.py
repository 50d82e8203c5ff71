"""Install adapters into the frameworks of this process, take them out again, and say what is so."""

from __future__ import annotations

import re
import sys
import warnings
from dataclasses import dataclass, field
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import TYPE_CHECKING, Literal

from dicube_core.exceptions import DicomCubeError, DicomCubeWarning, MissingDependencyError
from dicube_core.forks import ForkSafeLock
from dicube_plugins.import_hook import is_imported, wait_for
from dicube_plugins.manager import default_manager
from dicube_plugins.patching import PatchError, apply_all, revert_all

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dicube_plugins.adapters.base import Adapter
    from dicube_plugins.manager import PluginManager
    from dicube_plugins.patching import Patch

    State = Literal["installed", "deferred", "available", "missing", "unsupported", "failed"]

__all__ = ["AdapterStatus", "Installer", "default_installer", "install", "status", "uninstall"]


@dataclass(frozen=True, slots=True)
class AdapterStatus:
    """How one adapter stands in this process.

    Parameters
    ----------
    name, framework, description : str
        As the adapter has them.
    state : str
        ``installed``; ``deferred`` until the framework is imported; ``available``; ``missing``,
        the framework is not there; ``unsupported``, its version is too low; ``failed``, the last
        attempt to install it did.
    version : str
        Of the framework, empty where it is not known.
    changes : tuple of str
        What is changed in the framework now.
    message : str
        Why it is missing, unsupported or failed, and what helps; or what could not be taken back.
    """

    name: str
    framework: str
    description: str
    state: State
    version: str = ""
    changes: tuple[str, ...] = ()
    message: str = ""


@dataclass(slots=True)
class _Record:
    """What this process knows of one adapter."""

    patches: list[Patch] = field(default_factory=list)
    installed: bool = False
    deferred: bool = False
    failure: str = ""
    left: tuple[str, ...] = ()


class Installer:
    """The adapters of one process. Safe for several threads.

    No lock is held while a framework is imported: another thread may be importing it, and wait
    for us meanwhile.

    Parameters
    ----------
    manager : PluginManager
        Where adapters come from.
    """

    def __init__(self, manager: PluginManager) -> None:
        self._manager = manager
        self._lock = ForkSafeLock()
        self._records: dict[str, _Record] = {}
        self._n_changes = 0

    def install(self, *names: str) -> list[AdapterStatus]:
        """Install adapters; see `install`."""
        if not names:
            return self._install_present()
        chosen = [self._adapter(name) for name in names]
        for adapter in chosen:
            self._require(adapter)
        for adapter in chosen:
            self.install_one(adapter)
        return [self._status(adapter) for adapter in chosen]

    def _install_present(self) -> list[AdapterStatus]:
        found = []
        for adapter in self._manager.adapters().values():
            if self._status(adapter).state in ("missing", "unsupported"):
                continue
            try:
                if adapter.heavy and not is_imported(adapter.framework):
                    self._wait(adapter)
                else:
                    self.install_one(adapter)
            except DicomCubeError as exc:
                warnings.warn(str(exc), DicomCubeWarning, stacklevel=4)
            found.append(self._status(adapter))
        return found

    def _wait(self, adapter: Adapter) -> None:
        """Have an adapter installed when its framework is imported."""
        if not self._record(adapter).installed:
            with self._lock:
                self._record(adapter).deferred = True
            wait_for([adapter], self)

    def install_one(self, adapter: Adapter) -> None:
        """Install one adapter whose framework is there; nothing happens if it is installed.

        Raises
        ------
        PatchError
            It failed; the framework is as it was.
        """
        if self._record(adapter).installed:
            return
        try:
            patches_of = _patches_of(adapter)
            before = self._n_changes
            patches = patches_of()
            with self._lock:
                record = self._record(adapter)
                if not record.installed:
                    if self._n_changes != before:
                        # What they found in the framework may have been taken out meanwhile. What
                        # they import is imported now, so nothing waits for us.
                        patches = patches_of()
                    self._n_changes += 1
                    apply_all(patches)
                    record.patches, record.installed = list(patches), True
                    record.failure, record.left, record.deferred = "", (), False
        except (Exception, SystemExit) as exc:
            text = str(exc) if isinstance(exc, DicomCubeError) else f"{type(exc).__name__}: {exc}"
            with self._lock:
                self._record(adapter).failure = text
            raise PatchError(
                f"the adapter {adapter.name!r} cannot be installed: {text}",
                suggestion="nothing was changed; 'dcbs plugins' shows all adapters",
            ) from exc

    def uninstall(self, *names: str) -> list[AdapterStatus]:
        """Take adapters out; see `uninstall`."""
        if names:
            chosen = [self._adapter(name) for name in names]
        else:
            with self._lock:
                known = [n for n, r in self._records.items() if r.installed or r.deferred]
            chosen = [self._adapter(name) for name in known]
        for adapter in chosen:
            with self._lock:
                record = self._record(adapter)
                record.deferred = False
                if record.installed:
                    self._n_changes += 1
                    record.left = tuple(revert_all(record.patches))
                    record.patches, record.installed = [], False
        return [self._status(adapter) for adapter in chosen]

    def defer(self, *names: str) -> list[Adapter]:
        """Install adapters whose framework is imported already, and mark the others as deferred.

        Returns
        -------
        list of Adapter
            Those that wait for their framework.
        """
        adapters = self._manager.adapters()
        chosen = [self._adapter(n) for n in names] if names else list(adapters.values())
        waiting = []
        for adapter in chosen:
            if self._status(adapter).state in ("missing", "unsupported", "installed"):
                continue
            if is_imported(adapter.framework):
                try:
                    self.install_one(adapter)
                except DicomCubeError as exc:
                    if names:
                        raise
                    warnings.warn(str(exc), DicomCubeWarning, stacklevel=4)
                continue
            with self._lock:
                self._record(adapter).deferred = True
            waiting.append(adapter)
        return waiting

    def is_deferred(self, adapter: Adapter) -> bool:
        """Tell whether an adapter still waits for its framework."""
        with self._lock:
            return self._record(adapter).deferred

    def status(self) -> list[AdapterStatus]:
        """Return how every adapter stands; imports no framework."""
        return [self._status(adapter) for adapter in self._manager.adapters().values()]

    def _record(self, adapter: Adapter) -> _Record:
        return self._records.setdefault(adapter.name, _Record())

    def _adapter(self, name: str) -> Adapter:
        adapter = self._manager.adapter(name)
        if adapter is not None:
            return adapter
        # Distribution names are spelled in any case: "simpleitk" as well as "SimpleITK".
        for known_name, known in self._manager.adapters().items():
            if known_name.casefold() == name.casefold():
                return known
        names = ", ".join(self._manager.adapters()) or "none: is this package installed?"
        raise LookupError(f"no adapter {name!r} is known; there are {names}")

    def _require(self, adapter: Adapter) -> None:
        status = self._status(adapter)
        if status.state in ("missing", "unsupported"):
            raise MissingDependencyError(status.message, suggestion=adapter.hint or None)

    def _status(self, adapter: Adapter) -> AdapterStatus:
        with self._lock:
            record = self._record(adapter)
            installed, failure, left = record.installed, record.failure, record.left
            changes = tuple(patch.what for patch in record.patches)
            deferred = record.deferred
        found = _version_of(adapter)
        state: State
        message = "; ".join(left)
        if installed:
            state = "installed"
        elif not _is_present(adapter.framework):
            state, message = "missing", f"{adapter.framework} is not installed"
        elif found and _release(found) < _release(adapter.minimum):
            needed = f"{adapter.framework} {adapter.minimum} or later is needed"
            state, message = "unsupported", f"{needed}, {found} is installed"
        elif failure:
            state, message = "failed", failure
        else:
            state = "deferred" if deferred else "available"
        return AdapterStatus(
            adapter.name, adapter.framework, adapter.description, state, found, changes, message
        )


def _patches_of(adapter: Adapter) -> Callable[[], Sequence[Patch]]:
    module, _, name = adapter.patches.partition(":")
    patches: Callable[[], Sequence[Patch]] = getattr(import_module(module), name)
    return patches


def _is_present(framework: str) -> bool:
    if sys.modules.get(framework) is not None:
        return True
    try:
        return find_spec(framework) is not None
    except (ImportError, ValueError):
        return False


def _version_of(adapter: Adapter) -> str:
    for distribution in adapter.distributions:
        try:
            return version(distribution)
        except PackageNotFoundError:
            continue
    return ""


def _release(text: str) -> tuple[int, ...]:
    """Return the numbers of a version; what follows them (rc1, .dev0) is left out."""
    found = re.match(r"\d+(\.\d+)*", text)
    numbers = [int(n) for n in found[0].split(".")] if found else []
    while numbers and not numbers[-1]:
        numbers.pop()
    return tuple(numbers)


_default = Installer(default_manager())


def default_installer() -> Installer:
    """Return the adapters of this process."""
    return _default


def install(*names: str) -> list[AdapterStatus]:
    """Make frameworks of this process read ``.dcbs`` files.

    Parameters
    ----------
    *names : str
        Adapters, such as ``"nibabel"``; their frameworks are imported. Without a name, the
        adapters of all frameworks that are there: one that fails is warned of and does not keep
        the others. Frameworks whose import takes seconds (MONAI, TorchIO) are not imported by
        that: their adapters are installed as soon as somebody else imports them.

    Returns
    -------
    list of AdapterStatus
        How the adapters stand now; `AdapterStatus.changes` lists what was changed.

    Raises
    ------
    LookupError
        No adapter has this name.
    MissingDependencyError
        The framework is not there, or too old (an `ImportError`).
    PatchError
        An adapter that was named failed; its framework is as it was.

    Notes
    -----
    May be called again, and from several threads. `uninstall` takes everything back.
    """
    return _default.install(*names)


def uninstall(*names: str) -> list[AdapterStatus]:
    """Put frameworks back as they were.

    Parameters
    ----------
    *names : str
        Adapters; without a name, all that are installed or deferred.

    Returns
    -------
    list of AdapterStatus
        How they stand now. If others replaced a function that we had replaced, theirs stays; the
        message says so. Ours has no effect any more then.
    """
    return _default.uninstall(*names)


def status() -> list[AdapterStatus]:
    """Return how every adapter stands in this process. Imports no framework."""
    return _default.status()
