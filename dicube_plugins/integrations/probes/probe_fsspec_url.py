"""`dicube_core.open` of an address that fsspec knows."""

from __future__ import annotations

import sys
from pathlib import Path

import fsspec
import numpy as np

import dicube_core

address = "memory://study.dcbs"
fsspec.filesystem("memory").pipe("/study.dcbs", Path(sys.argv[1]).read_bytes())
values = dicube_core.load(address).get_fdata("float64")
with dicube_core.open(address) as reader:
    geometry = reader.geometry
affine = np.empty(0) if geometry is None else geometry.affine_xyz_ras
np.savez(sys.argv[2], values=values, affine=affine)
