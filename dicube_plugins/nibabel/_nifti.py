"""Write an image as NIfTI without a loss, which nibabel's own conversion does not promise."""

from __future__ import annotations

import gzip
import os
from typing import TYPE_CHECKING, Any

import numpy as np
from nibabel.nifti1 import Nifti1Image

from dicube_core.atomic import write_bytes
from dicube_core.error_places import errors_name
from dicube_core.nifti import save_to_nifti
from dicube_plugins.nibabel._integers import exact_integers, fitted
from dicube_plugins.nibabel._saving import cube_image

if TYPE_CHECKING:
    import numpy.typing as npt

    from dicube_plugins.nibabel._saving import Savable
    from dicube_plugins.nibabel._series import Series

__all__ = ["is_nifti_name", "write_nifti"]

_SCANNER = 1
#: Cosine between axes up to which they count as perpendicular.
_PERPENDICULAR = 1e-4


def is_nifti_name(name: str) -> bool:
    """Tell whether a file of this name is a single NIfTI file."""
    return name.lower().endswith((".nii", ".nii.gz"))


def write_nifti(
    image: Savable, path: str | os.PathLike[str], *, dtype: npt.DTypeLike | None = None
) -> None:
    """Write an image as NIfTI-1, as a whole or not at all.

    The series of a file is written as its stored values with their scale factors (see
    `dicube_core.save_to_nifti`). Other images are written as integers if all voxels are whole
    numbers, else in the type that they have: nibabel would scale them to fit an integer type.

    Parameters
    ----------
    image : Savable
        Of any number of dimensions that NIfTI has.
    path : path-like
        Ends in ``.nii`` or ``.nii.gz``.
    dtype : dtype, optional
        Type on disk; nibabel scales values that it does not hold, as always.
    """
    chosen = None if dtype is None else np.dtype(dtype)
    if chosen is None and image.header.dtype_chosen:
        chosen = image.header.get_data_dtype()
    series = image.whole_series
    if series is not None and chosen is None and _is_plain(series):
        with errors_name(series.reader.name):
            save_to_nifti(cube_image(series.reader), path)
        return
    data: bytes = _as_nifti(image, chosen).to_bytes()
    if os.fspath(path).lower().endswith(".gz"):
        # No time stamp: equal images give equal files.
        data = gzip.compress(data, compresslevel=6, mtime=0)
    write_bytes(data, path)


def _is_plain(series: Series) -> bool:
    """Whether the file as it is makes a NIfTI file: one volume on a grid, grey or RGB."""
    as_stored = series.colours is None or series.colours.is_identity
    return as_stored and series.reader.geometry is not None


def _as_nifti(image: Savable, dtype: np.dtype[Any] | None) -> Any:
    values = np.asanyarray(image.dataobj)
    integers = exact_integers(values) if values.dtype.kind in "fb" else None
    if integers is not None:
        smaller = fitted(integers, ())
        values = integers if smaller is None else smaller
    make: Any = Nifti1Image  # nibabel has no types for it
    result = make(values, image.affine, image.header)
    result.set_data_dtype(values.dtype if dtype is None else dtype)
    result.header.set_xyzt_units(*image.header.get_xyzt_units())
    if image.affine is not None:
        result.set_sform(image.affine, code=_SCANNER)
        # A quaternion cannot say a shear, and nibabel would leave it out without a word.
        result.set_qform(image.affine, code=0 if _is_sheared(image.affine) else _SCANNER)
    return result


def _is_sheared(affine: npt.NDArray[np.float64]) -> bool:
    axes = affine[:3, :3] / np.sqrt(np.square(affine[:3, :3]).sum(axis=0))
    off = axes.T @ axes - np.eye(3)
    return bool(np.abs(off).max() > _PERPENDICULAR)
