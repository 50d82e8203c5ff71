"""The adapter for TorchIO. Light: it names what it adapts, and imports nothing of it."""

from __future__ import annotations

from dicube_plugins.adapters.base import Adapter
from dicube_plugins.hookspecs import hookimpl

__all__ = ["dicube_adapters"]


@hookimpl
def dicube_adapters() -> list[Adapter]:
    """Return the adapter."""
    return [
        Adapter(
            name="torchio",
            framework="torchio",
            description="ScalarImage and LabelMap, lazy; patches decode what they need",
            patches="dicube_plugins.torchio._patches:patches",
            distributions=("torchio",),
            minimum="0.20",
            hint="pip install 'dicube-plugins[torchio]'",
            heavy=True,
        )
    ]
