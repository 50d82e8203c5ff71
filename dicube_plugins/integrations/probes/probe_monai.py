"""MONAI's own `LoadImage`, after ``install``."""

from __future__ import annotations

import sys

import numpy as np
from monai.transforms import LoadImage

import dicube_plugins

dicube_plugins.install("monai")
image = LoadImage(dtype=None)(sys.argv[1])
np.savez(sys.argv[2], values=image.numpy().transpose(2, 1, 0), affine=image.affine.numpy())
