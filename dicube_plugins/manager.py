"""Finds plugins, loads each by itself, and says what became of it."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, TypeVar, cast

import pluggy

from dicube_core.exceptions import DicomCubeError
from dicube_core.forks import ForkSafeLock
from dicube_plugins.hookspecs import HOOK_CLASSES, PROJECT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from importlib.metadata import EntryPoint

    from dicube_core.codec.base import FrameCodec
    from dicube_core.source import ByteSource
    from dicube_plugins.adapters.base import Adapter
    from dicube_plugins.consumers.base import Consumer

    CodecFactory = Callable[[], FrameCodec]
    Items = Callable[[Any], Iterator[tuple[str, "T"]]]

__all__ = [
    "BLOCK_VARIABLE",
    "PluginManager",
    "PluginStatus",
    "default_manager",
    "known_consumers",
    "plugin_status",
]

#: Environment variable: names of plugins that are not to be loaded, with commas between.
BLOCK_VARIABLE = "DICUBE_BLOCK_PLUGINS"
#: Our distribution: its plugins go first, so that no other takes their names.
_OURS = "dicube-plugins"
_NAME_TAKEN = "another plugin has this name already"

T = TypeVar("T")


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

    Safe for several threads and after fork. A plugin that fails is left out and reported by
    `status`; it takes no other with it. A question about one name loads the plugin of that name
    alone, if there is one; all other questions load all plugins.

    Parameters
    ----------
    blocked : iterable of str, optional
        Names not to load; by default those in the environment variable.
    """

    def __init__(self, blocked: Iterable[str] | None = None) -> None:
        named = os.environ.get(BLOCK_VARIABLE, "").split(",") if blocked is None else blocked
        self._blocked = frozenset(name.strip() for name in named) - {""}
        self._lock = ForkSafeLock()
        self._manager: pluggy.PluginManager | None = None
        self._waiting: list[EntryPoint] = []
        self._ranks: dict[str, int] = {}
        self._aliases: dict[str, str] = {}
        self._core_codecs: frozenset[str] = frozenset()
        self._status: dict[tuple[str, str], PluginStatus] = {}
        self._answers: dict[tuple[str, str], Any] = {}

    # -- questions ------------------------------------------------------------------------------

    def status(self) -> list[PluginStatus]:
        """Return what became of every plugin that was found."""
        for ask in (self.adapters, self.codecs, self.consumers):
            ask()  # a hook that fails is part of the answer
        return list(self._status.values())

    def consumers(self) -> dict[str, Consumer]:
        """Return the consumers of all plugins, by name."""
        from dicube_plugins.consumers.base import Consumer

        return self._collect("dicube_consumers", lambda given: _named(given, Consumer))

    def adapters(self) -> dict[str, Adapter]:
        """Return the adapters of all plugins, by name."""
        from dicube_plugins.adapters.base import Adapter

        return self._collect("dicube_adapters", lambda given: _named(given, Adapter))

    def adapter(self, name: str) -> Adapter | None:
        """Return one adapter, None where no plugin gives it."""
        from dicube_plugins.adapters.base import Adapter

        return self._find("dicube_adapters", name, lambda given: _named(given, Adapter))

    def codecs(self) -> dict[str, CodecFactory]:
        """Return the makers of codecs of all plugins, by name."""
        return self._collect("dicube_codecs", _factories)

    def codec(self, name: str) -> CodecFactory | None:
        """Return the maker of one codec, None where no plugin gives it."""
        return self._find("dicube_codecs", name, _factories)

    def open_source(self, source: object) -> ByteSource | None:
        """Return what the first plugin makes of a source, None where no plugin knows it.

        A `DicomCubeError` or `OSError` of a plugin passes through: it knows the source, and
        cannot open it. A plugin that fails otherwise is left out and reported.
        """
        with self._lock:
            self._load_waiting(lambda _: True)
            implementations = self._implementations("dicube_open_source")
        for implementation in implementations:
            try:
                opened: Any = implementation.function(source)
            except (OSError, DicomCubeError):
                raise
            except Exception as exc:  # noqa: BLE001 - third-party code
                with self._lock:
                    self._report(implementation.plugin_name, f"dicube_open_source: {_text(exc)}")
                continue
            if opened is not None:
                return cast("ByteSource", opened)
        return None

    # -- answers of hooks -----------------------------------------------------------------------

    def _collect(self, hook: str, items: Items[T]) -> dict[str, T]:
        with self._lock:
            self._load_waiting(lambda _: True)
            taken = self._core_codecs if hook == "dicube_codecs" else frozenset()
            found: dict[str, T] = {}
            for implementation in self._implementations(hook):
                plugin = implementation.plugin_name
                for name, item in self._answer(hook, implementation, items):
                    if name in taken or found.setdefault(name, item) is not item:
                        self._report(plugin, f"{_kind(hook)} {name!r} exists already")
            return found

    def _find(self, hook: str, name: str, items: Items[T]) -> T | None:
        """Return one item; the plugin that bears its name is asked alone, and first."""
        with self._lock:
            self._load_waiting(lambda entry_point: entry_point.name == name)
            plugin = self._aliases.get(name, name)
            for implementation in self._implementations(hook):
                if implementation.plugin_name == plugin:
                    answer = dict(self._answer(hook, implementation, items))
                    if name in answer:
                        return answer[name]
            return self._collect(hook, items).get(name)

    def _implementations(self, hook: str) -> list[pluggy.HookImpl]:
        """Return the implementations of a hook: ours first, then by name, whatever they ask for."""
        found = getattr(self._found().hook, hook).get_hookimpls()
        return sorted(found, key=lambda implementation: self._ranks[implementation.plugin_name])

    def _answer(
        self, hook: str, implementation: pluggy.HookImpl, items: Items[T]
    ) -> list[tuple[str, T]]:
        """Return what one plugin answers; it is called once, by itself.

        pluggy ends a call of all plugins with the first exception.
        """
        plugin = implementation.plugin_name
        if (hook, plugin) not in self._answers:
            answer: list[tuple[str, T]] = []
            self._answers[hook, plugin] = answer
            try:
                for item in items(implementation.function()):
                    answer.append(item)  # noqa: PERF402 - those before a bad one are kept
            except _WrongTypeError as exc:
                self._report(plugin, str(exc))
            except (Exception, SystemExit) as exc:  # noqa: BLE001 - third-party code
                self._report(plugin, f"{hook}: {_text(exc)}")
        known: list[tuple[str, T]] = self._answers[hook, plugin]
        return known

    # -- loading --------------------------------------------------------------------------------

    def _found(self) -> pluggy.PluginManager:
        """Return pluggy's manager, with every plugin found and none loaded for it."""
        if self._manager is None:
            from importlib.metadata import entry_points

            from dicube_core.codec.registry import list_codecs

            manager = pluggy.PluginManager(PROJECT)
            for hooks in HOOK_CLASSES:
                manager.add_hookspecs(hooks)
            self._waiting = sorted(entry_points(group=PROJECT), key=_rank)
            # Before plugins: the registry keeps the codecs of theirs that were asked for.
            self._core_codecs = frozenset(list_codecs())
            self._ranks = {e.name: rank for rank, e in reversed([*enumerate(self._waiting)])}
            self._manager = manager
        return self._manager

    def _load_waiting(self, wanted: Callable[[EntryPoint], bool]) -> None:
        manager = self._found()
        chosen = [entry_point for entry_point in self._waiting if wanted(entry_point)]
        self._waiting = [e for e in self._waiting if e not in chosen]
        for entry_point in chosen:
            self._load(manager, entry_point)

    def _load(self, manager: pluggy.PluginManager, entry_point: EntryPoint) -> None:
        """Load one plugin; pluggy's own loader would stop at the first that fails."""
        name, origin = entry_point.name, _origin(entry_point)
        if name in self._blocked:
            message = f"named in {BLOCK_VARIABLE}"
            self._status[name, origin] = PluginStatus(name, "blocked", origin, message)
            return
        self._status[name, origin] = PluginStatus(name, "loaded", origin)
        if manager.has_plugin(name) or name in self._aliases:
            self._fail(name, origin, _NAME_TAKEN)
            return
        plugin = None
        try:
            plugin = entry_point.load()
            known = manager.get_name(plugin)
            if known is not None:  # one module for several adapters or codecs
                self._aliases[name] = known
                return
            manager.register(plugin, name)
            manager.check_pending()  # finds misspelt hooks; all plugins before this one had none
        except (Exception, SystemExit) as exc:  # noqa: BLE001 - third-party code
            self._fail(name, origin, _text(exc))
            if plugin is not None and manager.get_plugin(name) is plugin:
                manager.unregister(plugin, name)

    def _fail(self, name: str, origin: str, message: str) -> None:
        self._status[name, origin] = PluginStatus(name, "failed", origin, message)

    def _report(self, name: str, message: str) -> None:
        """Add to the status of a plugin that was loaded; once, however often it is asked."""
        for key, status in self._status.items():
            if status.name == name and status.message != _NAME_TAKEN:
                if message not in status.message:
                    text = f"{status.message}; {message}" if status.message else message
                    self._status[key] = replace(status, state="failed", message=text)
                return


class _WrongTypeError(TypeError):
    """A hook returned something that has no place in its answer."""


def _named(given: Any, kind: type[T]) -> Iterator[tuple[str, T]]:
    for item in given:
        if not isinstance(item, kind):
            raise _WrongTypeError(f"{item!r} is no {kind.__name__}")
        yield str(item.name), item  # type: ignore[attr-defined]


def _factories(given: Any) -> Iterator[tuple[str, CodecFactory]]:
    for name, factory in dict(given).items():
        if not isinstance(name, str) or not callable(factory):
            raise _WrongTypeError(f"{name!r}: {factory!r} is not a codec's name and maker")
        yield name, factory


def _kind(hook: str) -> str:
    return hook.removeprefix("dicube_").removesuffix("s")


def _rank(entry_point: EntryPoint) -> tuple[bool, str]:
    dist = entry_point.dist
    return dist is None or dist.name != _OURS, entry_point.name


def _origin(entry_point: EntryPoint) -> str:
    dist = entry_point.dist
    return f"{dist.name} {dist.version}" if dist is not None else entry_point.value


def _text(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"


_default = PluginManager()


def default_manager() -> PluginManager:
    """Return the plugins of this process."""
    return _default


def known_consumers() -> dict[str, Consumer]:
    """Return the consumers that this process knows, by name: our own and those of plugins."""
    return _default.consumers()


def plugin_status() -> list[PluginStatus]:
    """Return what became of every plugin that was found, in the order of loading."""
    return _default.status()
