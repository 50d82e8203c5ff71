"""References (kerchunk) through fsspec and Zarr version 2, whose codec numcodecs finds."""

from __future__ import annotations

import sys

import fsspec
import numpy as np
import zarr

import dicube_core

refs = dicube_core.references(sys.argv[1])
files = fsspec.filesystem("reference", fo=refs, asynchronous=False)
group = zarr.open_group(files.get_mapper(""), mode="r", zarr_format=2)
np.savez(sys.argv[2], values=group["stored"][:])
