"""Layers of a file: where they lie, and how they are shown.

World coordinates are mm along the directions of the series itself: the normal of its slices, down
a column, along a row, from the origin of the patient's coordinates. Layers of series with the same
ImageOrientationPatient, in whatever order their slices are kept, so lie where they belong; of an
axial series, they are the patient's own z, y, x (LPS). napari slices along world axes, so that a
layer that is turned against them would have to be decoded whole for every slice shown.
"""

from __future__ import annotations

import inspect
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dicube_core.exceptions import DecodeError
from dicube_core.preview.view import SeriesView
from dicube_core.preview.window import file_window
from dicube_core.reader import Reader
from dicube_core.spatial.letters import direction_letters
from dicube_plugins.napari._frames import FrameCache, LazyFrames
from dicube_plugins.shown_values import ShownValues

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from dicube_core.geometry import Geometry

__all__ = ["layers_of"]

#: The lowest resolution is not smaller: it is what napari shows in 3-D.
_SMALLEST = 64
#: Frames that are looked at for a contrast, where the file has no window.
_SAMPLES = 5


def layers_of(path: str) -> list[tuple[Any, dict[str, Any], str]]:
    """Return the layers of one file: (data, keyword arguments, ``'image'``).

    Raises
    ------
    InvalidCubeFileError
        It is damaged.
    UnsupportedKindError
        Colour of a kind that cannot be shown with certainty.
    """
    reader = Reader(path)
    try:
        return _Layers(reader).all()
    except BaseException:
        reader.close()
        raise


class _Layers:
    """Makes the layers of an open file, which they keep open."""

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        self.view = SeriesView(reader)
        self.values = ShownValues(reader)
        self.cache = FrameCache(self.values)
        self.rgb = self.values.colours is not None
        self.common = self._common()

    def all(self) -> list[tuple[Any, dict[str, Any], str]]:
        geometry, dimensions = self.view.geometry, self.view.dimensions
        everything = np.arange(self.reader.frame_count)
        if geometry is not None or dimensions is None or not dimensions.is_regular:
            return [self._layer(everything, geometry, (), "")]
        if dimensions.geometry is not None or None in dimensions.geometries:
            return [self._layer(dimensions.index, dimensions.geometry, dimensions.names, "")]
        # Stacks that lie in places of their own: a layer each.
        axis = dimensions.names.index("stack")
        names = tuple(name for name in dimensions.names if name != "stack")
        return [
            self._layer(
                np.take(dimensions.index, stack, axis),
                dimensions.geometry_of(stack=stack),
                names,
                f" stack {stack}",
            )
            for stack in range(len(dimensions.axes[axis]))
        ]

    def _layer(
        self,
        frames: npt.NDArray[np.intp],
        geometry: Geometry | None,
        names: Sequence[str],
        suffix: str,
    ) -> tuple[Any, dict[str, Any], str]:
        levels = self._levels(frames)
        name = Path(self.reader.name).stem + suffix
        if geometry is None:
            name += " (no regular grid: pixels, not mm)"
        options = {
            **self.common,
            "name": name,
            "multiscale": len(levels) > 1,
            "metadata": self._metadata(frames, geometry, names),
        }
        extra = [1.0] * len(names)
        if geometry is not None:
            scale, translate = _placed(geometry)
            options["scale"] = (*extra, *scale)
            options["translate"] = (*(0.0 for _ in names), *translate)
        labels = (*names, *(("slice", "row", "column") if geometry is None else _labels(geometry)))
        units = (*("pixel" for _ in names), *(["pixel" if geometry is None else "mm"] * 3))
        known = _known_options()
        if {"axis_labels", "units"} <= known:
            options |= {"axis_labels": labels, "units": units}
        return (levels if len(levels) > 1 else levels[0]), options, "image"

    def _levels(self, frames: npt.NDArray[np.intp]) -> list[LazyFrames]:
        rows, columns, *samples = self.values.plane
        most = 0
        while most < self.view.levels and min(rows, columns) >> (most + 1) >= _SMALLEST:
            most += 1
        return [
            LazyFrames(
                self.cache, level, frames, (-(-rows >> level), -(-columns >> level), *samples)
            )
            for level in range(most + 1)
        ]

    def _common(self) -> dict[str, Any]:
        if self.rgb:
            return {"rgb": True}
        window = file_window(self.view)
        low, high = self._range() if window is None else (window.low, window.high)
        return {
            "rgb": False,
            "contrast_limits": (low, high if high > low else low + 1),
            "colormap": "gray_r" if self.view.inverted else "gray",
        }

    def _range(self) -> tuple[float, float]:
        """Return what holds 98 % of some frames, at their lowest resolution."""
        count = self.reader.frame_count
        parts = []
        for index in {round(i * (count - 1) / (_SAMPLES - 1)) for i in range(_SAMPLES)}:
            try:
                values = self.view.shown(index, self.view.levels)
            except DecodeError:
                continue  # a damaged frame is an error when it is looked at
            parts.append(values[np.isfinite(values)])
        values = np.concatenate(parts) if parts else np.empty(0)
        if not values.size:
            return 0.0, 1.0
        low, high = np.percentile(values, (1, 99)).tolist()
        return (low, high) if low < high else (float(values.min()), float(values.max()))

    def _metadata(
        self, frames: npt.NDArray[np.intp], geometry: Geometry | None, names: Sequence[str]
    ) -> dict[str, Any]:
        reader = self.reader
        report, dimensions = self.view.report, self.view.dimensions
        sheared = None if dimensions is None else dimensions.sheared
        if dimensions is None and report is not None:
            sheared = report.sheared
        return {
            "path": reader.name,
            "frames": frames.tolist(),
            "axes": (*names, "slice", "row", "column"),
            "photometric_interpretation": reader.pixel_format.photometric_interpretation,
            "status": reader.dicom_status.value,
            "findings": [] if report is None else [f.message for f in report.findings],
            "dimensions": None if dimensions is None else str(dimensions),
            "is_in_mm": geometry is not None,
            "spacing_mm": None if geometry is None else geometry.spacing,
            "affine_lps": None if geometry is None else geometry.affine,
            "affine_ras": None if geometry is None else geometry.affine_ras,
            "sheared_affine_lps": None if sheared is None else sheared.affine,
        }


def _placed(geometry: Geometry) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return scale and translation along the slice normal, the columns and the rows."""
    _, down, right = (np.array(axis) for axis in geometry.axes)
    normal = np.cross(right, down)
    sign = 1.0 if geometry.is_right_handed else -1.0
    between, rows, columns = geometry.spacing
    origin = np.array(geometry.origin)
    translate = tuple(float(origin @ axis) for axis in (normal, down, right))
    return (sign * between, rows, columns), translate


def _labels(geometry: Geometry) -> tuple[str, str, str]:
    """Return where the world axes lead, in the patient."""
    _, down, right = geometry.axes
    normal = np.cross(right, down).tolist()
    first, second, third = (f"to {direction_letters(axis)}" for axis in (normal, down, right))
    return first, second, third


def _known_options() -> set[str]:
    """Return what the running napari can be told of an image; nothing where none is running."""
    layers = sys.modules.get("napari.layers")
    return set() if layers is None else set(inspect.signature(layers.Image.__init__).parameters)
