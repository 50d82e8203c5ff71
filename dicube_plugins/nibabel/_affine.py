"""From an affine to the grid that a file can hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dicube_core.exceptions import GeometryError, MetaDataError
from dicube_core.geometry import Geometry

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["geometry_of"]


def geometry_of(
    affine: npt.NDArray[np.float64] | None, shape: tuple[int, int, int], name: str
) -> Geometry:
    """Return the grid of an image.

    Parameters
    ----------
    affine : ndarray of shape (4, 4) or None
        (x, y, z, 1) to RAS mm.
    shape : tuple of int
        (x, y, z).
    name : str
        Of the target, for messages.

    Raises
    ------
    GeometryError
        There is no affine, or it is no rectangular grid: sheared, singular or not finite.
    """
    if affine is None:
        raise GeometryError(
            f"{name}: the image has no affine, and a made-up one would be wrong",
            suggestion="make an image with the affine that is true",
        )
    matrix = np.asarray(affine, np.float64)
    # RAS and LPS differ in the signs of the patient's x and y, the first two rows.
    lps = matrix[:3].copy()
    lps[:2] = 0.0 - lps[:2]
    spacing = np.sqrt(np.square(lps[:, :3]).sum(axis=0))
    if not (np.array_equal(matrix[3], (0, 0, 0, 1)) and np.isfinite(lps).all() and spacing.all()):
        raise _no_grid(name, f"it is {matrix.tolist()}")
    x, y, z = (tuple(axis.tolist()) for axis in (lps[:, :3] / spacing).T)
    sx, sy, sz = spacing.tolist()
    origin = tuple(lps[:, 3].tolist())
    try:
        return Geometry(shape, origin, (sx, sy, sz), (x, y, z), "xyz").in_axis_order("zyx")
    except MetaDataError as exc:
        raise _no_grid(name, exc.message) from exc


def _no_grid(name: str, why: str) -> GeometryError:
    return GeometryError(
        f"{name}: the affine is no rectangular grid, which is what a .dcbs file holds: {why}",
        suggestion="resample the image first, as nibabel.processing.resample_to_output does",
    )
