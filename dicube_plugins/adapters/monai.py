"""The adapter for MONAI. Light: it names what it adapts, and imports nothing of it."""

from __future__ import annotations

from dicube_plugins.adapters.base import Adapter
from dicube_plugins.hookspecs import hookimpl

__all__ = ["dicube_adapters"]


@hookimpl
def dicube_adapters() -> list[Adapter]:
    """Return the adapter."""
    return [
        Adapter(
            name="monai",
            framework="monai",
            description="LoadImage and LoadImaged choose the reader for .dcbs by themselves",
            patches="dicube_plugins.monai._patches:patches",
            distributions=("monai",),
            minimum="1.4",
            hint="pip install 'dicube-plugins[monai]'",
            heavy=True,
        )
    ]
