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


def load(path: str | os.PathLike[str], *, sheared: bool = False) -> DcbsImage:
    """Open a ``.dcbs`` file as a nibabel image; no frame is decoded.

    Parameters
    ----------
    path : path-like
        The file, of any name.
    sheared : bool, optional
        For slices that are shifted along their own plane (gantry tilt): take their true affine,
        whose third axis is not perpendicular to the others. Many programs that read an affine
        assume that it is.

    Returns
    -------
    DcbsImage
        Array axes (x, y, z) = (columns, rows, frames), affine to RAS mm. A series of several
        volumes that fill a regular grid (`Reader.dimensions`) has one more axis for each
        dimension, time first, then the one that changes fastest; its affine is that of a volume.
        Colour has nibabel's record type of R, G and B.

    Raises
    ------
    GeometryError
        The slices form no regular grid; the message says why, and how to read them anyway. With
        `sheared`, they are not shifted evenly.
    UnsupportedKindError
        Colour of more than 8 bits, or of a kind that does not become RGB; more than four
        dimensions beside x, y and z.
    InvalidCubeFileError
        Not a valid ``.dcbs`` file.
    OSError
        It cannot be opened.
    """
    file_map = {"image": FileHolder(filename=os.fspath(path))}
    return DcbsImage.from_file_map(file_map, sheared=sheared)


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
        Three-dimensional, real or RGB24, with an affine that is not sheared.
    path : path-like
        Ends in ``.dcbs``, or in ``.nii`` or ``.nii.gz``. Replaced as a whole or not at all.
    quantize : {"uint16"}, optional
        Store real values in 65,536 steps between their minimum and maximum. This loses
        precision, so it happens only when asked for; by default they are stored as they are.
    dtype : dtype, optional
        Type of the stored values; an error where it does not hold them exactly.

    Raises
    ------
    UnsupportedKindError
        Complex, of 128 bits, RGBA, or not three-dimensional.
    GeometryError
        No affine, or a sheared one.
    """
    options = {"quantize": quantize, "dtype": dtype}
    given = {name: value for name, value in options.items() if value is not None}
    if not (isinstance(image, DcbsImage) or is_nifti_name(os.fspath(path))):
        image = DcbsImage.from_image(image)
    image.to_filename(path, **given)
