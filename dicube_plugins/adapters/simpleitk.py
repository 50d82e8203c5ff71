"""The adapter for SimpleITK. Light: it names what it adapts, and imports nothing of it."""

from __future__ import annotations

from dicube_plugins.adapters.base import Adapter
from dicube_plugins.hookspecs import hookimpl

__all__ = ["dicube_adapters"]


@hookimpl
def dicube_adapters() -> list[Adapter]:
    """Return the adapter."""
    return [
        Adapter(
            name="SimpleITK",
            framework="SimpleITK",
            description="sitk.ReadImage, WriteImage, ImageFileReader, ImageSeriesReader",
            patches="dicube_plugins.simpleitk._patches:patches",
            distributions=("SimpleITK",),
            minimum="2.3",
            hint="pip install 'dicube-plugins[simpleitk]'",
        )
    ]
