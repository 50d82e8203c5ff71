"""The adapter for pydicom. Light: it names what it adapts, and imports nothing of it."""

from __future__ import annotations

from dicube_plugins.adapters.base import Adapter
from dicube_plugins.hookspecs import hookimpl

__all__ = ["dicube_adapters"]


@hookimpl
def dicube_adapters() -> list[Adapter]:
    """Return the adapter."""
    return [
        Adapter(
            name="pydicom",
            framework="pydicom",
            description="dcmread of a series or one slice; fast HTJ2K decoding; HTJ2K encoding",
            patches="dicube_plugins.pydicom._patches:patches",
            distributions=("pydicom",),
            minimum="3.0.1",
            hint="pip install pydicom",
        )
    ]
