"""The hooks that a plugin may implement.

A plugin is a module or an object named by an entry point in the group ``dicube``::

    [project.entry-points.dicube]
    my-viewer = "my_package.dicube_plugin"

Each function of it that is marked with `hookimpl` and bears the name of a hook is called when
its answer is needed. Hooks return plain values and do no work; modules of plugins import what
they adapt inside functions, not at their top. Our own plugins are found in the same way.

An entry point that gives one adapter or codec bears its name: then asking for it loads this
plugin and no other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from dicube_core.codec.base import FrameCodec
    from dicube_core.source import ByteSource
    from dicube_plugins.adapters.base import Adapter
    from dicube_plugins.consumers.base import Consumer

__all__ = [
    "HOOK_CLASSES",
    "PROJECT",
    "AdapterHooks",
    "CodecHooks",
    "ConsumerHooks",
    "SourceHooks",
    "hookimpl",
    "hookspec",
]

#: Name of the project in pluggy, and of the entry-point group.
PROJECT = "dicube"

hookspec = pluggy.HookspecMarker(PROJECT)
#: Marks a function as the implementation of a hook. A hook that some versions of this package
#: do not know yet is marked ``hookimpl(optionalhook=True)``, else they refuse the plugin.
hookimpl = pluggy.HookimplMarker(PROJECT)


class AdapterHooks:
    """Frameworks that are made to read ``.dcbs`` files."""

    @hookspec
    def dicube_adapters(self) -> list[Adapter]:  # type: ignore[empty-body]
        """Return adapters that can be installed.

        Returns
        -------
        list of Adapter
            Descriptions; the framework is imported when an adapter is installed. Names must be
            new: a name that another plugin gave first is left out and reported.
        """


class CodecHooks:
    """Codecs of frames, beside HTJ2K."""

    @hookspec
    def dicube_codecs(self) -> Mapping[str, Callable[[], FrameCodec]]:  # type: ignore[empty-body]
        """Return codecs by the name that files ask for them.

        Returns
        -------
        mapping of str to callable
            Called once, without arguments, when a file names the codec; raises
            `dicube_core.exceptions.CodecUnavailableError` where the codec cannot work. Names of
            the core and of plugins that came first are left out and reported.
        """


class ConsumerHooks:
    """Programs and libraries that slices may be delivered to."""

    @hookspec
    def dicube_consumers(self) -> list[Consumer]:  # type: ignore[empty-body]
        """Return the consumers that can be asked what they decode.

        Returns
        -------
        list of Consumer
            Names must be new: a name that another plugin gave first is left out and reported.
        """


class SourceHooks:
    """Stores that ``.dcbs`` files are read from, beside files and memory."""

    @hookspec
    def dicube_open_source(self, source: object) -> ByteSource | None:
        """Open a source that the core does not know.

        The first plugin whose answer is not None is taken.

        Parameters
        ----------
        source : object
            A text with a scheme, such as ``store://bucket/series.dcbs``, or an object that is
            neither a path, bytes, a binary file nor a `ByteSource`.

        Returns
        -------
        ByteSource or None
            None where it is none of this plugin's. Errors on opening pass to the caller.
        """


HOOK_CLASSES = (AdapterHooks, CodecHooks, ConsumerHooks, SourceHooks)
