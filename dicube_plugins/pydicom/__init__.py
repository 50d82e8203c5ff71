"""Read ``.dcbs`` files with pydicom, and the adapter that `dicube_plugins.install` puts in."""

from __future__ import annotations

from dicube_plugins.multiframe import original_datasets
from dicube_plugins.pydicom._api import datasets, dcmread, open_dicom
from dicube_plugins.pydicom._dataset import SeriesDataset
from dicube_plugins.pydicom._modality import apply_modality_lut

__all__ = [
    "SeriesDataset",
    "apply_modality_lut",
    "datasets",
    "dcmread",
    "open_dicom",
    "original_datasets",
]
