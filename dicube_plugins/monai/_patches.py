"""What ``dicube_plugins.install("monai")`` changes in MONAI."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from monai.transforms.io import array as monai_io

from dicube_plugins.monai._reader import DcbsReader
from dicube_plugins.patching import Replace, SetItem

if TYPE_CHECKING:
    from collections.abc import Callable

    from dicube_plugins.patching import Patch

__all__ = ["patches"]

_NAME = "dcbsreader"
_ORDER = "get_default_reader_registration_order"


def patches() -> list[Patch]:
    """Return the changes: one entry of the readers that every new `LoadImage` registers.

    Readers are tried from the last to the first. MONAI_DICOM_READER puts another last, and some
    of these claim every file name; so the order is put right where MONAI has a function for it.
    """
    place = "monai.transforms.io.array.SUPPORTED_READERS: DcbsReader added"
    found: list[Patch] = [SetItem(monai_io.SUPPORTED_READERS, _NAME, DcbsReader, place)]
    if hasattr(monai_io, _ORDER):
        found.append(Replace(monai_io, _ORDER, _ours_last))
    return found


def _ours_last(original: Callable[..., list[str]], *args: Any, **kwargs: Any) -> list[str]:
    """Return MONAI's order with our reader last: it claims files of its own name only."""
    order = original(*args, **kwargs)
    return [name for name in order if name != _NAME] + [name for name in order if name == _NAME]
