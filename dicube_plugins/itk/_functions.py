"""Read and write without an adapter installed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from dicube_plugins.insight import itk_errors
from dicube_plugins.itk._reading import read
from dicube_plugins.itk._writing import write

if TYPE_CHECKING:
    import os

__all__ = ["imread", "imwrite"]


def imread(path: str | os.PathLike[str], pixel_type: Any = None) -> Any:
    """Read a ``.dcbs`` file as an image of modality values.

    Parameters
    ----------
    path : path-like
        The file, of any name.
    pixel_type : itk type
        Such as ``itk.F``. By default the type that holds every value exactly, which is the one
        that itk gives the slices. Where itk has no such images, the next type that holds them.
        Colour is ``itk.RGBPixel``, or ``itk.Vector`` of three where itk has no such pixels;
        YBR_FULL and palettes become that.

    Returns
    -------
    itk.Image
        Sizes (columns, rows, slices), LPS mm, right-handed as itk makes it of the slices. Several
        volumes of one grid are (columns, rows, slices, volumes); origin and spacing of the fourth
        axis are the first value and the even step of the dimension, of time in seconds, else 0
        and 1. Owns its memory. Metadata is that of the first slice.

    Raises
    ------
    GeometryError
        The slices form no regular grid, or volumes of several dimensions; the message says why,
        and how to read them anyway.
    DataConsistencyError
        The type does not hold a value.
    UnsupportedKindError
        The type is not that of one real number per voxel, or of three for colour.
    InvalidCubeFileError, DecodeError
        Not a valid file, or damaged; the message names section or frame and byte offset.
    OSError
        The file cannot be opened.

    Notes
    -----
    Errors of ours are a `RuntimeError` as well. Safe to call from several threads.
    """
    with itk_errors():
        return read(path, pixel_type)


def imwrite(
    image_or_filter: Any,
    path: str | os.PathLike[str],
    *,
    quantize: Literal["uint16"] | None = None,
    modality: str | None = None,
    keep_uids: bool = False,
) -> None:
    """Write an image, or the output of a filter, as a ``.dcbs`` file, as a whole or not at all.

    Values and grid come back exactly. The metadata that DICOM defines for patients, studies,
    series and devices is kept (PS3.3 C.7.1 to C.7.3, C.7.5).

    Parameters
    ----------
    image_or_filter : itk.Image or filter
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
        Several components that are no colour, complex numbers, four dimensions; integers beyond
        32 bits.
    GeometryError
        The axes are not perpendicular.
    MetaDataError
        A text in the metadata is no value of its element.
    """
    with itk_errors():
        write(image_or_filter, path, quantize=quantize, modality=modality, keep_uids=keep_uids)
