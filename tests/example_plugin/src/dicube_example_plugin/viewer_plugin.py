"""An adapter. This module is imported by ``dcbs plugins``: it imports no framework itself."""

from __future__ import annotations

from dicube_plugins import Adapter, hookimpl


@hookimpl
def dicube_adapters() -> list[Adapter]:
    """Describe the adapter; nothing is imported or changed by that."""
    return [
        Adapter(
            name="example-viewer",
            framework="example_viewer",  # the module that a deferred adapter waits for
            description="load and title of the example viewer",
            patches="dicube_example_plugin.viewer_patches:patches",
            # The distribution that carries the framework's version; a framework of its own has
            # one of its own, and `minimum` says which version the adapter needs.
            distributions=("dicube-example-plugin",),
            minimum="1.0",
            hint="pip install dicube-example-plugin",
        )
    ]
