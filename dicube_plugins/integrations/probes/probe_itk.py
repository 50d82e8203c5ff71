"""itk's own `imread`, after ``install``."""

from __future__ import annotations

import sys

import itk
import numpy as np

import dicube_plugins

dicube_plugins.install("itk")
image = itk.imread(sys.argv[1])
affine = np.eye(4)
affine[:3, :3] = itk.array_from_matrix(image.GetDirection()) * np.asarray(itk.spacing(image))
affine[:3, 3] = itk.origin(image)
values = itk.array_from_image(image)
np.savez(sys.argv[2], values=values, affine=np.diag([-1, -1, 1, 1]) @ affine)
