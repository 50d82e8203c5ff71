"""Finds plugins, loads each by itself, and says what became of it."""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass, replace
from importlib import import_module
from typing import TYPE_CHECKING, Literal

import pluggy

from dicube_plugins.hookspecs import PROJECT, ConsumerHooks

if TYPE_CHECKING:
    from collections.abc import Iterable
    from importlib.metadata import EntryPoint

    from dicube_plugins.consumers.base import Consumer

__all__ = ["BLOCK_VARIABLE", "PluginManager", "PluginStatus", "known_consumers", "plugin_status"]

#: Environment variable: names of plugins that are not to be loaded, with commas between.
BLOCK_VARIABLE = "DICUBE_BLOCK_PLUGINS"
#: Our own, registered as any other; first, so that no plugin takes their names.
_BUILT_IN = {"dicube-consumers": "dicube_plugins.consumers.builtin"}
_HOOK_CLASSES = (ConsumerHooks,)


@dataclass(frozen=True, slots=True)
class PluginStatus:
    """What became of one plugin.

    Parameters
    ----------
    name : str
        Name of the entry point.
    state : {"loaded", "blocked", "failed"}
        Blocked by `BLOCK_VARIABLE`; failed on import, on registration, or in a hook.
    origin : str
        Distribution and version that it comes from.
    message : str
        Why, where it was not loaded or something of it was left out.
    """

    name: str
    state: Literal["loaded", "blocked", "failed"]
    origin: str
    message: str = ""


class PluginManager:
    """Plugins of one process. Nothing is imported before the first question is asked.

    Safe for several threads. A plugin that fails is left out and reported by `status`; it takes
    no other with it.

    Parameters
    ----------
    blocked : iterable of str, optional
        Names not to load; by default those in the environment variable.
    """

    def __init__(self, blocked: Iterable[str] | None = None) -> None:
        named = os.environ.get(BLOCK_VARIABLE, "").split(",") if blocked is None else blocked
        self._blocked = frozenset(name.strip() for name in named) - {""}
        self._lock = threading.RLock()
        self._manager: pluggy.PluginManager | None = None
        self._status: dict[tuple[str, str], PluginStatus] = {}
        self._consumers: dict[str, Consumer] | None = None

    def status(self) -> list[PluginStatus]:
        """Return what became of every plugin that was found."""
        self.consumers()  # a hook that fails is part of the answer
        return list(self._status.values())

    def consumers(self) -> dict[str, Consumer]:
        """Return the consumers of all plugins, by name."""
        with self._lock:
            if self._consumers is None:
                self._consumers = self._collect()
            return dict(self._consumers)

    def _collect(self) -> dict[str, Consumer]:
        from dicube_plugins.consumers.base import Consumer

        found: dict[str, Consumer] = {}
        # Each implementation is called by itself: pluggy ends a call with the first exception.
        for implementation in self._loaded().hook.dicube_consumers.get_hookimpls():
            name = implementation.plugin_name
            try:
                given: list[object] = implementation.function()  # type: ignore[assignment]
                given = list(given)
            except (Exception, SystemExit) as exc:  # noqa: BLE001 - third-party code
                self._report(name, "failed", f"dicube_consumers: {_text(exc)}")
                continue
            for consumer in given:
                if not isinstance(consumer, Consumer):
                    self._report(name, "failed", f"{consumer!r} is not a Consumer")
                elif consumer.name in found:
                    self._report(name, "failed", f"consumer {consumer.name!r} exists already")
                else:
                    found[consumer.name] = consumer
        return found

    def _loaded(self) -> pluggy.PluginManager:
        if self._manager is None:
            from importlib.metadata import entry_points

            manager = pluggy.PluginManager(PROJECT)
            for hooks in _HOOK_CLASSES:
                manager.add_hookspecs(hooks)
            for name, module in _BUILT_IN.items():
                if self._admit(name, "dicube-plugins"):
                    manager.register(import_module(module), name)
            for entry_point in sorted(entry_points(group=PROJECT), key=lambda e: e.name):
                self._load(manager, entry_point)
            self._manager = manager
        return self._manager

    def _admit(self, name: str, origin: str) -> bool:
        blocked = name in self._blocked
        state: Literal["blocked", "loaded"] = "blocked" if blocked else "loaded"
        message = f"named in {BLOCK_VARIABLE}" if blocked else ""
        self._status[name, origin] = PluginStatus(name, state, origin, message)
        return not blocked

    def _load(self, manager: pluggy.PluginManager, entry_point: EntryPoint) -> None:
        """Load one plugin; pluggy's own loader would stop at the first that fails."""
        dist = entry_point.dist
        origin = f"{dist.name} {dist.version}" if dist is not None else entry_point.value
        name = entry_point.name
        if not self._admit(name, origin):
            return
        if manager.has_plugin(name):
            self._fail(name, origin, "another plugin has this name already")
            return
        plugin = None
        try:
            plugin = entry_point.load()
            manager.register(plugin, name)
            manager.check_pending()  # finds misspelt hooks; all plugins before this one had none
        except (Exception, SystemExit) as exc:  # noqa: BLE001 - third-party code
            self._fail(name, origin, _text(exc))
            if plugin is not None and manager.get_plugin(name) is plugin:
                manager.unregister(plugin, name)

    def _fail(self, name: str, origin: str, message: str) -> None:
        self._status[name, origin] = PluginStatus(name, "failed", origin, message)

    def _report(self, name: str, state: Literal["failed"], message: str) -> None:
        """Add to the status of a plugin that was loaded."""
        for key, status in self._status.items():
            if status.name == name and status.message != "another plugin has this name already":
                text = f"{status.message}; {message}" if status.message else message
                self._status[key] = replace(status, state=state, message=text)
                return


def _text(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"


_default = PluginManager()


def known_consumers() -> dict[str, Consumer]:
    """Return the consumers that this process knows, by name: our own and those of plugins."""
    return _default.consumers()


def plugin_status() -> list[PluginStatus]:
    """Return what became of every plugin that was found, in the order of loading."""
    return _default.status()
