"""Many series at once, by dask: on this machine, or on the workers of a cluster."""

from __future__ import annotations

from dicube_plugins.dask._series import map_series
from dicube_plugins.dask._statistics import SeriesHistogram, histogram
from dicube_plugins.dask._workers import DaskWorkers

__all__ = ["DaskWorkers", "SeriesHistogram", "histogram", "map_series"]
