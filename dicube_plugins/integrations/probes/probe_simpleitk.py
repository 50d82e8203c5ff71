"""SimpleITK's own `ReadImage`, after ``install``."""

from __future__ import annotations

import sys

import numpy as np
import SimpleITK

import dicube_plugins

dicube_plugins.install("SimpleITK")
image = SimpleITK.ReadImage(sys.argv[1])
affine = np.eye(4)
affine[:3, :3] = np.reshape(image.GetDirection(), (3, 3)) * image.GetSpacing()
affine[:3, 3] = image.GetOrigin()
values = SimpleITK.GetArrayFromImage(image)
np.savez(sys.argv[2], values=values, affine=np.diag([-1, -1, 1, 1]) @ affine)
