"""TorchIO's own `ScalarImage`, after ``install``."""

from __future__ import annotations

import sys

import numpy as np
import torchio

import dicube_plugins

dicube_plugins.install("torchio")
image = torchio.ScalarImage(sys.argv[1])
np.savez(sys.argv[2], values=image.numpy()[0].transpose(2, 1, 0), affine=np.asarray(image.affine))
