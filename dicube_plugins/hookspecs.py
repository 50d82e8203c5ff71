"""The hooks that a plugin may implement.

A plugin is a module or an object named by an entry point in the group ``dicube``::

    [project.entry-points.dicube]
    my-viewer = "my_package.dicube_plugin"

Each function of it that is marked with `hookimpl` and bears the name of a hook is called when
its answer is needed. Hooks return plain values and do no work; modules of plugins import what
they adapt inside functions, not at their top.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from dicube_plugins.consumers.base import Consumer

__all__ = ["PROJECT", "ConsumerHooks", "hookimpl", "hookspec"]

#: Name of the project in pluggy, and of the entry-point group.
PROJECT = "dicube"

hookspec = pluggy.HookspecMarker(PROJECT)
#: Marks a function as the implementation of a hook. A hook that some versions of this package
#: do not know yet is marked ``hookimpl(optionalhook=True)``, else they refuse the plugin.
hookimpl = pluggy.HookimplMarker(PROJECT)


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
