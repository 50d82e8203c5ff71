"""Let pydicom's functions that open a path by themselves read ``.dcbs`` files.

`pydicom.pixels.pixel_array` and `iter_pixels` do not go through `dcmread`. With a path
they do ``Path(path).resolve().open("rb")``, so this name is what can be changed for those, too, who
took the functions by name before.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dicube_plugins.pydicom._api import open_dicom
from dicube_plugins.sniff import is_dcbs

__all__ = ["SeriesPath"]


class SeriesPath(type(Path())):  # type: ignore[misc]
    """A path that opens a ``.dcbs`` file as the multi-frame DICOM file that is made of it."""

    def open(self, mode: str = "r", *args: Any, **kwargs: Any) -> Any:
        """Open it; see `pathlib.Path.open`."""
        if mode == "rb" and is_dcbs(self):
            return open_dicom(self)
        return super().open(mode, *args, **kwargs)
