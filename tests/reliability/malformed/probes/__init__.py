"""Every way of reading a file, by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import dicube_plugins
from reliability.malformed.probes import (
    command_line,
    core,
    delivery,
    folders,
    insight,
    nibabel_images,
    pictures,
    pydicom_datasets,
    streams,
)

if TYPE_CHECKING:
    from reliability.malformed.variant import Probe

__all__ = ["all_probes"]

_MODULES = (
    core,
    streams,
    folders,
    delivery,
    pydicom_datasets,
    nibabel_images,
    insight,
    pictures,
    command_line,
)


def all_probes() -> tuple[tuple[Probe, ...], tuple[str, ...]]:
    """Return the probes, and which are left out because a package is missing."""
    dicube_plugins.plugin_status()  # so that not every process looks for plugins
    found: list[Probe] = []
    skipped: list[str] = []
    for module in _MODULES:
        probes, missing = module.probes()
        found += probes
        skipped += missing
    return tuple(found), tuple(skipped)
