"""A file as an array (x, y, z, ...) of which any box can be read; imports no framework."""

from __future__ import annotations

from dicube_plugins.volume.boxes import Box, grid_starts, read_box
from dicube_plugins.volume.lazy_volume import LazyVolume
from dicube_plugins.volume.open_volumes import OpenVolumes
from dicube_plugins.volume.scaling import Scaling
from dicube_plugins.volume.series_array import SeriesArray
from dicube_plugins.volume.threads import threads_here

__all__ = [
    "Box",
    "LazyVolume",
    "OpenVolumes",
    "Scaling",
    "SeriesArray",
    "grid_starts",
    "read_box",
    "threads_here",
]
