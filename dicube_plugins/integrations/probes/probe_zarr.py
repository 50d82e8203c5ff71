"""VirtualiZarr's own store over the file, whose codec Zarr version 3 finds."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import zarr
from obspec_utils.registry import ObjectStoreRegistry
from obstore.store import LocalStore

from dicube_plugins.zarr import DcbsParser

registry = ObjectStoreRegistry({"file://": LocalStore()})
store = DcbsParser()(Path(sys.argv[1]).as_uri(), registry)
group = zarr.open_group(store, mode="r", zarr_format=3)
np.savez(sys.argv[2], values=group["stored"][:])
