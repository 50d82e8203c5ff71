"""xarray's own `open_dataset`, which finds the backend by its entry point."""

from __future__ import annotations

import sys

import numpy as np
import xarray as xr

with xr.open_dataset(sys.argv[1]) as dataset:
    values = dataset["image"].transpose("z", "y", "x").to_numpy()
    affine = np.reshape(dataset.attrs["affine_ras"], (4, 4))
np.savez(sys.argv[2], values=values, affine=affine[:, [2, 1, 0, 3]])
