"""The adapter for itk. Light: it names what it adapts, and imports nothing of it."""

from __future__ import annotations

from dicube_plugins.adapters.base import Adapter
from dicube_plugins.hookspecs import hookimpl

__all__ = ["dicube_adapters"]


@hookimpl
def dicube_adapters() -> list[Adapter]:
    """Return the adapter."""
    return [
        Adapter(
            name="itk",
            framework="itk",
            description="itk.imread and itk.imwrite",
            patches="dicube_plugins.itk._patches:patches",
            distributions=(
                "itk-core",
                "itk",
            ),
            minimum="5.4",
            hint="pip install 'dicube-plugins[itk]'",
        )
    ]
