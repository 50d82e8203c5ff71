"""pydicom's own `dcmread`, after ``install``."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pydicom

import dicube_plugins

dicube_plugins.install("pydicom")
dataset = pydicom.dcmread(sys.argv[1])
pixels: Any = pydicom.pixels  # a function that was taken before would be pydicom's own
values = pixels.apply_modality_lut(dataset.pixel_array, dataset)

groups = dataset.PerFrameFunctionalGroupsSequence
places = [group.PlanePositionSequence[0].ImagePositionPatient for group in groups]


def macro(name: str) -> Any:
    """Return a functional group, shared by all frames or that of the first one."""
    shared = dataset.SharedFunctionalGroupsSequence[0]
    return (shared if name in shared else groups[0])[name].value[0]


orientation = np.reshape(macro("PlaneOrientationSequence").ImageOrientationPatient, (2, 3))
down, across = macro("PixelMeasuresSequence").PixelSpacing
step = np.subtract(places[1], places[0])
affine = np.eye(4)
affine[:3, 0] = orientation[0] * across
affine[:3, 1] = orientation[1] * down
affine[:3, 2] = step
affine[:3, 3] = places[0]
np.savez(sys.argv[2], values=values, affine=np.diag([-1, -1, 1, 1]) @ affine)
