"""The adapter for imageio. Light: it names what it adapts, and imports nothing of it."""

from __future__ import annotations

from dicube_plugins.adapters.base import Adapter
from dicube_plugins.hookspecs import hookimpl

__all__ = ["dicube_adapters"]


@hookimpl
def dicube_adapters() -> list[Adapter]:
    """Return the adapter."""
    return [
        Adapter(
            name="imageio",
            framework="imageio",
            description="imread and its relatives, of v3 and v2",
            patches="dicube_plugins.imageio._patches:patches",
            distributions=("imageio",),
            minimum="2.34",
            hint="pip install 'dicube-plugins[imageio]'",
        )
    ]
