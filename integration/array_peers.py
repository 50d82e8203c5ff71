"""Real series, and their values by pydicom alone, for the tests of labelled arrays."""

from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.pixels import apply_modality_lut

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"
SERIES = ("ct_heart_10", "ct_body_60")


def pydicom_volume(folder):
    """Return modality values by pydicom alone, sorted along the slice normal."""
    slices = [pydicom.dcmread(path) for path in folder.iterdir()]
    slices.sort(key=lambda ds: float(ds.ImagePositionPatient[2]))
    return np.stack([apply_modality_lut(ds.pixel_array, ds) for ds in slices])


def shared_series(name):
    """Return a folder of real slices; skips where it is not."""
    if not (SHARED / name).exists():
        pytest.skip("shared data are not here")
    return SHARED / name
