"""All targets by name."""

from __future__ import annotations

from reliability.fuzz import (
    target_codec,
    target_container,
    target_dicom,
    target_files,
    target_instances,
    target_json,
)

__all__ = ["TARGETS"]

_MODULES = (target_container, target_codec, target_json, target_dicom, target_instances)
TARGETS = {target.name: target for module in (*_MODULES, target_files) for target in module.TARGETS}
