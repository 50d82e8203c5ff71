"""A whole ``.dcbs`` series as one multi-frame DICOM image, and the slices back out of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dicube_core.error_places import errors_name
from dicube_plugins.multiframe._file import MultiFrameFile
from dicube_plugins.multiframe._grid import forms_grid
from dicube_plugins.multiframe._instance import InstanceFile, is_one_instance

if TYPE_CHECKING:
    from dicube_core.reader import Reader
    from dicube_plugins.multiframe._originals import original_datasets

__all__ = ["InstanceFile", "MultiFrameFile", "forms_grid", "original_datasets", "whole_file"]


def whole_file(reader: Reader, transfer_syntax: str | None = None) -> MultiFrameFile | InstanceFile:
    """Return a file as one DICOM instance: the one it was made of, or one of all its slices.

    Parameters
    ----------
    reader, transfer_syntax
        As for `MultiFrameFile`.

    Raises
    ------
    UnsupportedKindError
        It holds several instances, and no class of multi-frame images takes its frames.
    """
    with errors_name(reader.name):
        kind = InstanceFile if is_one_instance(reader) else MultiFrameFile
        return kind(reader, transfer_syntax)


def __getattr__(name: str) -> Any:
    """Import what needs pydicom when it is first used (PEP 562)."""
    if name != "original_datasets":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from dicube_plugins.multiframe._originals import original_datasets

    globals()[name] = original_datasets
    return original_datasets
