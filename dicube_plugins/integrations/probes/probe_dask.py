"""A function over files by `map_series`, through dask's own scheduler."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import numpy as np

from dicube_plugins.dask import map_series

if TYPE_CHECKING:
    from dicube_core import Reader


def whole(reader: Reader) -> tuple[np.ndarray, np.ndarray]:
    """Return what is compared."""
    geometry = reader.geometry
    return reader.frames(), np.empty(0) if geometry is None else geometry.affine_xyz_ras


((_, found),) = map_series(whole, [sys.argv[1]])
if isinstance(found, Exception):
    raise found
np.savez(sys.argv[2], values=found[0], affine=found[1])
