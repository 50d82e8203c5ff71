"""imageio's own `imread`, after ``install``."""

from __future__ import annotations

import sys

import imageio.v3
import numpy as np

import dicube_plugins

dicube_plugins.install("imageio")
np.savez(sys.argv[2], values=imageio.v3.imread(sys.argv[1]))
