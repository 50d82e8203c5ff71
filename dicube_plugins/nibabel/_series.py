"""What proxy, header and image of one file share: its reader, worked out no sooner than needed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from dicube_core.exceptions import UnsupportedKindError
from dicube_core.lazy import lazy
from dicube_plugins.volume import SeriesArray

if TYPE_CHECKING:
    from dicube_plugins.colours import Colours

__all__ = ["RGB", "Series"]

#: nibabel's name for the voxels of NIfTI's RGB24.
RGB = np.dtype([(name, "u1") for name in "RGB"])


class Series(SeriesArray):
    """A file, opened, with the types and units that nibabel has for it.

    Raises
    ------
    GeometryError
        The slices form no regular grid.
    UnsupportedKindError
        Colour that is no RGB of 8 bits; more dimensions than NIfTI has.
    """

    most_extra = 4

    def _colours(self) -> Colours | None:
        colours = super()._colours()
        if colours is not None and colours.dtype != np.uint8:
            raise UnsupportedKindError(
                f"{self.reader.name}: colour of {colours.dtype} cannot be given: NIfTI has RGB of "
                "8 bits only",
                suggestion="read the values with dicube_core.open(path).frames()",
            )
        return colours

    @property
    def time_unit(self) -> str:
        """NIfTI's word for the unit of the fourth axis."""
        return "unknown" if self.time_step is None else "sec"

    @property
    def stored_dtype(self) -> np.dtype[Any]:
        """Type of the stored values; that of RGB for colour of any kind."""
        return self.reader.dtype if self.colours is None else RGB

    @lazy
    def voxel_dtype(self) -> np.dtype[Any]:
        """Type that nibabel gives voxels in: float64 if they are scaled, else as stored."""
        if self.colours is not None or self.transform.is_identity:
            return self.stored_dtype
        return np.dtype(np.float64)
