"""Adapters that are installed when their frameworks are first imported, by whomever."""

from __future__ import annotations

import sys
import threading
import warnings
from contextlib import suppress
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from dicube_core.exceptions import DicomCubeError, DicomCubeWarning

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType

    from dicube_plugins.adapters.base import Adapter
    from dicube_plugins.installer import Installer

__all__ = ["is_imported", "wait_for"]


class _Finder(MetaPathFinder):
    """Finds a framework as others would, and has its loader tell us when it is done."""

    def __init__(self) -> None:
        self.waiting: dict[str, list[tuple[Adapter, Installer]]] = {}
        self._asking = threading.local()

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        # It stays in the list: who asks may only want to know whether the framework is there.
        if fullname not in self.waiting or getattr(self._asking, "name", None) == fullname:
            return None
        self._asking.name = fullname  # so that this asks all other finders
        try:
            spec = find_spec(fullname)
        finally:
            self._asking.name = None
        if spec is not None and spec.loader is not None:
            spec.loader = _Loader(spec.loader)
        return spec


class _Loader(Loader):
    """Runs a framework's own loader, puts it back, and installs the adapters."""

    def __init__(self, loader: Any) -> None:
        self._loader = loader

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        module: ModuleType | None = self._loader.create_module(spec)
        return module

    def exec_module(self, module: ModuleType) -> None:
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        module.__loader__ = self._loader
        self._loader.exec_module(module)
        _install_waiting(module.__name__)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)


_finder = _Finder()


def _install_waiting(framework: str) -> None:
    for adapter, installer in _finder.waiting.pop(framework, []):
        if not installer.is_deferred(adapter):
            continue  # taken out meanwhile
        try:
            installer.install_one(adapter)
        except DicomCubeError as exc:  # the import of the framework must go well
            warnings.warn(str(exc), DicomCubeWarning, stacklevel=3)


def is_imported(framework: str) -> bool:
    """Tell whether a module was imported, to its end."""
    module = sys.modules.get(framework)
    spec = getattr(module, "__spec__", None)
    return module is not None and not getattr(spec, "_initializing", False)


def wait_for(adapters: Iterable[Adapter], installer: Installer) -> None:
    """Have adapters installed when their frameworks are imported, unless they are not to wait then.

    The hook (`sys.meta_path`) costs nothing but a look at the name of each module. It sees no
    import that has begun: the end of one in another thread is waited for.
    """
    adapters = list(adapters)
    for adapter in adapters:
        waiting = _finder.waiting.setdefault(adapter.framework, [])
        if (adapter, installer) not in waiting:
            waiting.append((adapter, installer))
    if _finder not in sys.meta_path:
        sys.meta_path.insert(0, _finder)
    for framework in {adapter.framework for adapter in adapters}:
        if sys.modules.get(framework) is not None:
            with suppress(Exception):  # which that thread is told
                import_module(framework)
            if is_imported(framework):
                _install_waiting(framework)
