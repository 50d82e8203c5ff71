"""The adapter for nibabel. Light: it names what it adapts, and imports nothing of it."""

from __future__ import annotations

from dicube_plugins.adapters.base import Adapter
from dicube_plugins.hookspecs import hookimpl

__all__ = ["dicube_adapters"]


@hookimpl
def dicube_adapters() -> list[Adapter]:
    """Return the adapter."""
    return [
        Adapter(
            name="nibabel",
            framework="nibabel",
            description="nib.load and nib.save",
            patches="dicube_plugins.nibabel._patches:patches",
            distributions=("nibabel",),
            minimum="5.2",
            hint="pip install 'dicube-plugins[nibabel]'",
        )
    ]
