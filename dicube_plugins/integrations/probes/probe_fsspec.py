"""The slices as files of fsspec's own `open`, which finds ``dcbs://`` by its entry point."""

from __future__ import annotations

import sys

import fsspec
import numpy as np
import pydicom

place = f"dcbs://*.dcm::file://{sys.argv[1]}"
slices = []
for opened in fsspec.open_files(place, transfer_syntax="explicit"):
    with opened as file:
        slices.append(pydicom.dcmread(file))
first = slices[0]
across, down = np.reshape(first.ImageOrientationPatient, (2, 3))
places = [np.array(one.ImagePositionPatient, float) for one in slices]
affine = np.eye(4)
affine[:3, 0] = across * first.PixelSpacing[1]
affine[:3, 1] = down * first.PixelSpacing[0]
affine[:3, 2] = places[1] - places[0]
affine[:3, 3] = places[0]
values = np.stack([one.pixel_array * one.RescaleSlope + one.RescaleIntercept for one in slices])
np.savez(sys.argv[2], values=values, affine=np.diag([-1, -1, 1, 1]) @ affine)
