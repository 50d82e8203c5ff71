"""DICOM in and out: metadata, order, status, slices on demand."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dicube_core.metadata.meta import DicomMeta
    from dicube_core.metadata.tags import CommonTags
    from dicube_core.spatial.order import SortMethod
    from dicube_core.spatial.space import get_space_from_DicomMeta
    from dicube_core.spatial.status import DicomStatus, get_dicom_status

_HOMES = {
    "CommonTags": "dicube_core.metadata.tags",
    "DcbStreamingReader": "dicube_core.streaming",
    "DicomMeta": "dicube_core.metadata.meta",
    "DicomStatus": "dicube_core.spatial.status",
    "SortMethod": "dicube_core.spatial.order",
    "get_dicom_status": "dicube_core.spatial.status",
    "get_space_from_DicomMeta": "dicube_core.spatial.space",
    "open_dicom": "dicube_core.streaming",
}

__all__ = [
    "CommonTags",
    "DcbStreamingReader",
    "DicomMeta",
    "DicomStatus",
    "SortMethod",
    "get_dicom_status",
    "get_space_from_DicomMeta",
    "open_dicom",
]


def __getattr__(name: str) -> Any:
    """Import a public name from its module when it is first used (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value
