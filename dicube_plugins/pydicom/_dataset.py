"""The data set of a whole series."""

from __future__ import annotations

import os
from typing import Any

from pydicom.dataset import FileDataset

from dicube_core.atomic import is_same_file
from dicube_core.exceptions import DataConsistencyError
from dicube_plugins.pydicom._lazy import LazyPixelDataElement, one_value

__all__ = ["SeriesDataset"]

_PIXEL_DATA = 0x7FE00010


class SeriesDataset(FileDataset):
    """A whole series as one image; what `dcmread` returns for a ``.dcbs`` file.

    It does what every `pydicom.dataset.FileDataset` does. As long as Pixel Data are not set to
    something else, they are read from the file when needed; see `LazyPixelData`.
    """

    def convert_pixel_data(self, handler_name: str = "") -> None:
        """Decode all frames for `pixel_array`, unless that was done before."""
        # pydicom takes the pixels for unchanged where the value is the same object as before.
        with one_value():
            super().convert_pixel_data(handler_name)

    def save_as(  # type: ignore[override]  # whatever options pydicom has
        self, filename: Any, *args: Any, **kwargs: Any
    ) -> None:
        """Write the image as a DICOM file; see `pydicom.dataset.Dataset.save_as`.

        Raises
        ------
        DataConsistencyError
            It would overwrite the file from which the pixels are still to be read.
        """
        if self._reads_from(filename):
            raise DataConsistencyError(
                f"{filename}: the pixels are read from this file while the image is written, so "
                "that writing over it would destroy them",
                suggestion="save it under another name",
                details={"path": os.fspath(filename)},
            )
        super().save_as(filename, *args, **kwargs)

    def _reads_from(self, target: Any) -> bool:
        element = self.get_item(_PIXEL_DATA) if _PIXEL_DATA in self else None
        source = element.source if isinstance(element, LazyPixelDataElement) else None
        if source is None or not isinstance(target, str | os.PathLike):
            return False
        return is_same_file(target, source)
