"""nibabel's own `load`, after ``install``."""

from __future__ import annotations

import sys
from typing import Any

import nibabel
import numpy as np

import dicube_plugins

dicube_plugins.install("nibabel")
image: Any = nibabel.load(sys.argv[1])
np.savez(sys.argv[2], values=np.asarray(image.dataobj).transpose(2, 1, 0), affine=image.affine)
