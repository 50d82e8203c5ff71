"""What proxy, header and image of one file share: its reader, worked out no sooner than needed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from dicube_core.lazy import lazy
from dicube_core.modality import ModalityTransform

if TYPE_CHECKING:
    import numpy.typing as npt

    from dicube_core.geometry import Geometry
    from dicube_core.reader import Reader

__all__ = ["Series"]


class Series:
    """A file, opened. Safe for several threads; pickles as its path.

    Parameters
    ----------
    reader : Reader
        Of the file.

    Raises
    ------
    GeometryError
        The slices form no regular grid.
    """

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        self.geometry: Geometry = reader.require_geometry().in_axis_order("xyz")
        self.affine: npt.NDArray[np.float64] = self.geometry.affine_xyz_ras
        self.affine.flags.writeable = False

    @property
    def name(self) -> str:
        """Path of the file, or a description of the source."""
        return self.reader.name

    @property
    def shape(self) -> tuple[int, int, int]:
        """(x, y, z) = (columns, rows, frames)."""
        frames, rows, columns = self.reader.shape
        return columns, rows, frames

    @property
    def stored_dtype(self) -> np.dtype[Any]:
        """Type of the stored values."""
        return self.reader.dtype

    @lazy
    def transform(self) -> ModalityTransform:
        """From stored to modality values."""
        return ModalityTransform.of_reader(self.reader)

    @lazy
    def voxel_dtype(self) -> np.dtype[Any]:
        """Type that nibabel gives voxels in: float64 if they are scaled, else as stored."""
        return self.stored_dtype if self.transform.is_identity else np.dtype(np.float64)

    @lazy
    def scale_factors(self) -> tuple[float, float] | None:
        """(slope, intercept) of all frames, None where frames differ or there is a Modality LUT."""
        if self.transform.has_lut or not self.reader.pixel_header.rescale_is_shared:
            return None
        return self.transform.rescale(0)

    def __getstate__(self) -> dict[str, Any]:
        return {"reader": self.reader}

    def __setstate__(self, state: dict[str, Any]) -> None:
        Series.__init__(self, state["reader"])
