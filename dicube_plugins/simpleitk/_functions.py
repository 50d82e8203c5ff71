"""Read and write without an adapter installed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import SimpleITK as sitk

from dicube_plugins.insight import itk_errors
from dicube_plugins.simpleitk._reading import read
from dicube_plugins.simpleitk._writing import write

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

__all__ = ["read_image", "write_image"]


def read_image(
    path: str | os.PathLike[str],
    output_pixel_type: int = sitk.sitkUnknown,
    *,
    extract_index: Sequence[int] = (),
    extract_size: Sequence[int] = (),
    load_private_tags: bool = False,
) -> sitk.Image:
    """Read a ``.dcbs`` file as an image of modality values.

    Parameters
    ----------
    path : path-like
        The file, of any name.
    output_pixel_type : int
        Such as ``sitk.sitkFloat32``. By default the type that holds every value exactly, which is
        the one that SimpleITK gives the slices: integers where slope and intercept are whole.
        Colour is a vector of red, green and blue; YBR_FULL and palettes become that.
    extract_index, extract_size : sequence of int
        (x, y, z) of the part to read, or (x, y, z, volume); a size of 0 leaves the dimension out.
        Only its frames are decoded. Without a size, all is read.
    load_private_tags : bool
        Put private elements into the metadata too.

    Returns
    -------
    sitk.Image
        Sizes (columns, rows, slices), LPS mm, right-handed as `sitk.ImageSeriesReader` makes it
        of the slices. Several volumes of one grid are (columns, rows, slices, volumes) as
        `sitk.JoinSeries` makes it of them; origin and spacing of the fourth axis are the first
        value and the even step of the dimension, of time in seconds, else 0 and 1. Owns its
        memory. Metadata is that of its first slice.

    Raises
    ------
    GeometryError
        The slices form no regular grid, or volumes of several dimensions; the message says why,
        and how to read them anyway.
    UnsupportedKindError
        Colour in a type of one number per voxel, or of a kind that does not become RGB.
    DataConsistencyError
        The region is not within the file, or the type does not hold a value.
    InvalidCubeFileError, DecodeError
        Not a valid file, or damaged; the message names section or frame and byte offset.
    OSError
        The file cannot be opened.

    Notes
    -----
    Errors of ours are a `RuntimeError` as well. Safe to call from several threads.
    """
    with itk_errors():
        image: sitk.Image = read(
            path,
            output_pixel_type,
            size=extract_size,
            index=extract_index,
            private=load_private_tags,
        )[0]
    return image


def write_image(
    image: sitk.Image,
    path: str | os.PathLike[str],
    *,
    quantize: Literal["uint16"] | None = None,
    modality: str | None = None,
    keep_uids: bool = False,
) -> None:
    """Write an image as a ``.dcbs`` file, as a whole or not at all.

    Values and grid come back exactly. The metadata that DICOM defines for patients, studies,
    series and devices is kept (PS3.3 C.7.1 to C.7.3, C.7.5); what is said of single slices is
    not, as the pixels may have been changed since.

    Parameters
    ----------
    image : sitk.Image
        Two- or three-dimensional, of real numbers, or of three components of colour.
    path : path-like
        The file; its folder must exist.
    quantize : {"uint16"}, optional
        Store real values in 65,536 steps between their minimum and maximum. This loses
        precision, so it happens only when asked for; by default they are stored as they are.
    modality : str, optional
        Such as ``CT``, instead of that in the metadata; ``OT`` (other) if there is none.
    keep_uids : bool
        Keep the UIDs of series and frame of reference that the metadata names, instead of new
        ones.

    Raises
    ------
    UnsupportedKindError
        Vectors that are no colour, complex numbers, label maps, four dimensions; integers beyond
        32 bits.
    GeometryError
        The axes are not perpendicular.
    MetaDataError
        A text in the metadata is no value of its element.
    """
    with itk_errors():
        write(image, path, quantize=quantize, modality=modality, keep_uids=keep_uids)
