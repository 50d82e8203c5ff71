"""A series as a labelled array: names of its axes, coordinates and attributes."""

from __future__ import annotations

from dicube_core.labels._coordinates import Coordinate, rescale_coordinates
from dicube_core.labels._labels import Labels, labels_of

__all__ = ["Coordinate", "Labels", "labels_of", "rescale_coordinates"]
