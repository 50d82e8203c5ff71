"""What SimpleITK and itk have in common: their grids, voxels and errors. Imports neither."""

from __future__ import annotations

from dicube_plugins.insight.errors import itk_errors
from dicube_plugins.insight.grid import Grid
from dicube_plugins.insight.reader_grid import frame_order, grid_of
from dicube_plugins.insight.volume import Volume, open_volume

__all__ = ["Grid", "Volume", "frame_order", "grid_of", "itk_errors", "open_volume"]
