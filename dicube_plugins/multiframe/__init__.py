"""A whole ``.dcbs`` series as one multi-frame DICOM image, and the slices back out of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dicube_plugins.multiframe._file import MultiFrameFile
from dicube_plugins.multiframe._grid import forms_grid

if TYPE_CHECKING:
    from dicube_plugins.multiframe._originals import original_datasets

__all__ = ["MultiFrameFile", "forms_grid", "original_datasets"]


def __getattr__(name: str) -> Any:
    """Import what needs pydicom when it is first used (PEP 562)."""
    if name != "original_datasets":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from dicube_plugins.multiframe._originals import original_datasets

    globals()[name] = original_datasets
    return original_datasets
