"""Load and save without an adapter installed."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Literal

from nibabel.fileholders import FileHolder

from dicube_plugins.nibabel._image import DcbsImage
from dicube_plugins.nibabel._nifti import is_nifti_name

if TYPE_CHECKING:
    import numpy.typing as npt
    from nibabel.filebasedimages import FileBasedImage

__all__ = ["load", "save"]


def load(path: str | os.PathLike[str]) -> DcbsImage:
    """Open a ``.dcbs`` file as a nibabel image; no frame is decoded.

    Parameters
    ----------
    path : path-like
        The file, of any name.

    Returns
    -------
    DcbsImage
        Array axes (x, y, z) = (columns, rows, frames), affine to RAS mm.

    Raises
    ------
    GeometryError
        The slices form no regular grid; the message says why, and how to read them anyway.
    InvalidCubeFileError
        Not a valid ``.dcbs`` file.
    OSError
        It cannot be opened.
    """
    return DcbsImage.from_file_map({"image": FileHolder(filename=os.fspath(path))})


def save(
    image: FileBasedImage,
    path: str | os.PathLike[str],
    *,
    quantize: Literal["uint16"] | None = None,
    dtype: npt.DTypeLike | None = None,
) -> None:
    """Save a nibabel image of any kind; see `DcbsImage.to_file_map`.

    Parameters
    ----------
    image : nibabel image
        Three-dimensional, real, with an affine that is not sheared.
    path : path-like
        Ends in ``.dcbs``, or in ``.nii`` or ``.nii.gz``. Replaced as a whole or not at all.
    quantize : {"uint16"}, optional
        Store real values in 65,536 steps between their minimum and maximum. This loses
        precision, so it happens only when asked for.
    dtype : dtype, optional
        Integer type of the stored values; an error where it does not hold them.

    Raises
    ------
    UnsupportedKindError
        Real-valued (without `quantize`), complex, colour, or not three-dimensional.
    GeometryError
        No affine, or a sheared one.
    """
    options = {"quantize": quantize, "dtype": dtype}
    given = {name: value for name, value in options.items() if value is not None}
    if not (isinstance(image, DcbsImage) or is_nifti_name(os.fspath(path))):
        image = DcbsImage.from_image(image)
    image.to_filename(path, **given)
