"""An open file as an array (x, y, z, ...): its shape, its place, and which frame lies where."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from dicube_core.exceptions import GeometryError, InvalidCubeFileError, UnsupportedKindError
from dicube_core.lazy import lazy
from dicube_core.modality import ModalityTransform
from dicube_plugins.axis_steps import time_steps
from dicube_plugins.colours import colours_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from dicube_core.geometry import Geometry
    from dicube_core.reader import Reader
    from dicube_core.spatial.axes import Axis
    from dicube_core.spatial.dimensions import Dimensions
    from dicube_plugins.colours import Colours

__all__ = ["SeriesArray"]


class SeriesArray:
    """A file, opened, as an array. Safe for several threads; pickles as its path.

    Parameters
    ----------
    reader : Reader
        Of the file.
    sheared : bool
        Take the true affine of slices that are shifted along their plane (gantry tilt), which
        is no rectangular grid.

    Raises
    ------
    GeometryError
        The slices form no regular grid.
    UnsupportedKindError
        Colour of a kind that is not turned into RGB, or more dimensions than `most_extra`.
    """

    #: Most axes beside x, y and z that a framework has; None where it does not matter.
    most_extra: int | None = None

    def __init__(self, reader: Reader, *, sheared: bool = False) -> None:
        if not reader.frame_count:
            raise InvalidCubeFileError(f"{reader.name}: the file has no frames")
        self.reader = reader
        self.sheared = sheared
        self.colours = self._colours()
        self.dimensions: Dimensions | None = None
        if reader.geometry is None:
            self.dimensions = self._full_grid()
        if sheared:
            self.affine = _sheared(reader)
        else:
            self.affine = self._geometry().affine_xyz_ras
        self.affine.flags.writeable = False

    def _colours(self) -> Colours | None:
        """Return how colour becomes RGB, None for grey."""
        return colours_of(self.reader)

    def _full_grid(self) -> Dimensions | None:
        """Return the dimensions of a series of several volumes; None for one volume."""
        found = self.reader.dimensions
        if found is None or not found.is_regular:
            return None
        if self.most_extra is not None and len(found.axes) > self.most_extra:
            raise UnsupportedKindError(
                f"{self.reader.name}: {found}: an image has {self.most_extra} axes beside x, y "
                "and z",
                suggestion="read the frames of each volume with dicube_core.open(path)"
                ".dimensions.frames_of()",
            )
        return found

    def _geometry(self) -> Geometry:
        if self.dimensions is None:
            return self.reader.require_geometry()
        geometry = self.dimensions.geometry
        if geometry is None:
            why = self.dimensions.reason or "its stacks lie in different places"
            raise GeometryError(
                f"{self.reader.name}: {self.dimensions}, but the volumes have no affine in "
                f"common: {why}",
                suggestion="read the frames of each volume with dicube_core.open(path)"
                ".dimensions.frames_of(); load(path, sheared=True) takes a gantry tilt",
            )
        return geometry

    @property
    def name(self) -> str:
        """Path of the file, or a description of the source."""
        return self.reader.name

    @lazy
    def extra_axes(self) -> tuple[Axis, ...]:
        """Dimensions beside x, y and z in the order of the array axes: time first, as in NIfTI."""
        if self.dimensions is None:
            return ()
        innermost_first = self.dimensions.axes[::-1]
        return tuple(sorted(innermost_first, key=lambda axis: axis.name != "time"))

    @lazy
    def frame_grid(self) -> npt.NDArray[np.intp]:
        """Frame number at each place, shape (z, ...): the array axes behind x and y."""
        dimensions = self.dimensions
        if dimensions is None:
            return np.arange(self.reader.frame_count, dtype=np.intp)
        order = [dimensions.names.index(axis.name) for axis in self.extra_axes]
        return dimensions.index.transpose(len(order), *order)

    @lazy
    def shape(self) -> tuple[int, ...]:
        """(x, y, z) = (columns, rows, frames), or (x, y, z, ...) with `extra_axes`."""
        rows, columns = self.reader.pixel_format.shape[:2]
        return (columns, rows, *map(int, self.frame_grid.shape))

    @lazy
    def zooms(self) -> tuple[float, ...]:
        """Spacing, mm; steps along time in seconds where they are even, else 1."""
        spacing: Sequence[float] = np.sqrt(np.square(self.affine[:3, :3]).sum(axis=0)).tolist()
        if not self.sheared:
            spacing = self._geometry().in_axis_order("xyz").spacing
        steps = [1.0] * len(self.extra_axes)
        if self.time_step is not None:
            steps[0] = self.time_step
        return (*spacing, *steps)

    @lazy
    def time_step(self) -> float | None:
        """Seconds from volume to volume, None where there is no time or its steps are not even."""
        axis = self.extra_axes[0] if self.extra_axes else None
        if axis is None or axis.name != "time":
            return None
        found = time_steps(self.reader, axis)
        return None if found is None else found.step

    @property
    def stored_dtype(self) -> np.dtype[Any]:
        """Type of the stored values; that of a sample of RGB for colour of any kind."""
        return self.reader.dtype if self.colours is None else self.colours.dtype

    @lazy
    def transform(self) -> ModalityTransform:
        """From stored to modality values."""
        return ModalityTransform.of_reader(self.reader)

    @lazy
    def exact_dtype(self) -> np.dtype[Any]:
        """Type that holds every modality value exactly; that of a sample for colour."""
        return self.stored_dtype if self.colours is not None else self.transform.exact_dtype

    @lazy
    def scale_factors(self) -> tuple[float, float] | None:
        """(slope, intercept) of all frames, None where frames differ or there is a Modality LUT."""
        if self.colours is not None:
            return 1.0, 0.0
        if self.transform.has_lut or not self.reader.pixel_header.rescale_is_shared:
            return None
        return self.transform.rescale(0)

    def __getstate__(self) -> dict[str, Any]:
        return {"reader": self.reader, "sheared": self.sheared}

    def __setstate__(self, state: dict[str, Any]) -> None:
        type(self).__init__(self, state["reader"], sheared=state["sheared"])


def _sheared(reader: Reader) -> npt.NDArray[np.float64]:
    """Return the affine of a volume even if its slices are shifted, (x, y, z, 1) to RAS mm."""
    lps = reader.sheared_affine()
    geometry = reader.volume_geometry
    if geometry is not None:
        return geometry.affine_xyz_ras
    if lps is None:
        raise GeometryError(
            f"{reader.name}: its slices form no grid, nor one that is sheared evenly",
            suggestion="leave sheared=True out; 'dcbs info' lists all findings",
        )
    affine = lps[:, [2, 1, 0, 3]]
    affine[:2] = 0.0 - affine[:2]
    return affine
