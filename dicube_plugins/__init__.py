"""Make other programs and frameworks read ``.dcbs`` files.

Importing this package loads nothing else: no framework, no numpy, no pydicom, and no plugin of
others. Those are loaded by the first call that needs them.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dicube_plugins.adapters.base import Adapter
    from dicube_plugins.bridge import to_dicom
    from dicube_plugins.cache import capability_of
    from dicube_plugins.capability import Capability, Outcome, ProbeResult
    from dicube_plugins.consumers.base import Consumer
    from dicube_plugins.delivery import Delivery
    from dicube_plugins.hookspecs import hookimpl
    from dicube_plugins.installer import AdapterStatus, install, status, uninstall
    from dicube_plugins.manager import PluginStatus, known_consumers, plugin_status
    from dicube_plugins.multiframe_bridge import to_multiframe
    from dicube_plugins.policy import Choice, Policy
    from dicube_plugins.sniff import is_dcbs

_HOMES = {
    "Adapter": "dicube_plugins.adapters.base",
    "AdapterStatus": "dicube_plugins.installer",
    "Capability": "dicube_plugins.capability",
    "Choice": "dicube_plugins.policy",
    "Consumer": "dicube_plugins.consumers.base",
    "Delivery": "dicube_plugins.delivery",
    "Outcome": "dicube_plugins.capability",
    "PluginStatus": "dicube_plugins.manager",
    "Policy": "dicube_plugins.policy",
    "ProbeResult": "dicube_plugins.capability",
    "capability_of": "dicube_plugins.cache",
    "hookimpl": "dicube_plugins.hookspecs",
    "install": "dicube_plugins.installer",
    "is_dcbs": "dicube_plugins.sniff",
    "known_consumers": "dicube_plugins.manager",
    "plugin_status": "dicube_plugins.manager",
    "status": "dicube_plugins.installer",
    "to_dicom": "dicube_plugins.bridge",
    "to_multiframe": "dicube_plugins.multiframe_bridge",
    "uninstall": "dicube_plugins.installer",
}

__all__ = [
    "Adapter",
    "AdapterStatus",
    "Capability",
    "Choice",
    "Consumer",
    "Delivery",
    "Outcome",
    "PluginStatus",
    "Policy",
    "ProbeResult",
    "capability_of",
    "hookimpl",
    "install",
    "is_dcbs",
    "known_consumers",
    "plugin_status",
    "status",
    "to_dicom",
    "to_multiframe",
    "uninstall",
]


def __getattr__(name: str) -> Any:
    """Import a public name from its module when it is first used (PEP 562)."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(home), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
