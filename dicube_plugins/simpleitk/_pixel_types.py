"""SimpleITK's pixel types and numpy's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import SimpleITK as sitk

from dicube_core.exceptions import UnsupportedKindError

if TYPE_CHECKING:
    import numpy as np

__all__ = ["BASIC", "VECTORS", "basic_type", "pixel_id_of"]

#: Real scalars: pixel type to the name of numpy's type.
BASIC: dict[int, str] = {
    sitk.sitkUInt8: "uint8",
    sitk.sitkInt8: "int8",
    sitk.sitkUInt16: "uint16",
    sitk.sitkInt16: "int16",
    sitk.sitkUInt32: "uint32",
    sitk.sitkInt32: "int32",
    sitk.sitkUInt64: "uint64",
    sitk.sitkInt64: "int64",
    sitk.sitkFloat32: "float32",
    sitk.sitkFloat64: "float64",
}
_IDS = {name: pixel_id for pixel_id, name in BASIC.items()}
#: Several real numbers per voxel: pixel type to the name of numpy's type.
VECTORS: dict[int, str] = {
    sitk.sitkVectorUInt8: "uint8",
    sitk.sitkVectorInt8: "int8",
    sitk.sitkVectorUInt16: "uint16",
    sitk.sitkVectorInt16: "int16",
    sitk.sitkVectorUInt32: "uint32",
    sitk.sitkVectorInt32: "int32",
    sitk.sitkVectorUInt64: "uint64",
    sitk.sitkVectorInt64: "int64",
    sitk.sitkVectorFloat32: "float32",
    sitk.sitkVectorFloat64: "float64",
}
_VECTOR_IDS = {name: pixel_id for pixel_id, name in VECTORS.items()}
#: What real scalars are cast to by SimpleITK: of one component, or without an imaginary part.
_CAST_FROM: dict[int, int] = {
    **{pixel_id: _IDS[name] for pixel_id, name in VECTORS.items()},
    sitk.sitkComplexFloat32: sitk.sitkFloat32,
    sitk.sitkComplexFloat64: sitk.sitkFloat64,
}


def pixel_id_of(dtype: np.dtype[Any], components: int = 1) -> int:
    """Return the pixel type of a real numpy type, a vector where there are several components."""
    return (_IDS if components == 1 else _VECTOR_IDS)[dtype.name]


def basic_type(pixel_id: int, components: int = 1) -> int:
    """Return the type in which to read what is to have a pixel type: of scalars, or of colour.

    Raises
    ------
    UnsupportedKindError
        No file is read as this type.
    """
    if components > 1:
        if pixel_id in VECTORS:
            return pixel_id
        raise UnsupportedKindError(
            f"colour cannot be read with output pixel type {pixel_id} "
            f"({sitk.GetPixelIDValueAsString(pixel_id)}), which has one number per voxel",
            suggestion="read it without an output pixel type; sitk.VectorIndexSelectionCast takes "
            "one component",
        )
    if pixel_id in BASIC:
        return pixel_id
    try:
        return _CAST_FROM[pixel_id]
    except KeyError:
        name = sitk.GetPixelIDValueAsString(pixel_id)
        raise UnsupportedKindError(
            f"a .dcbs file cannot be read with output pixel type {pixel_id} ({name})",
            suggestion="read it as a scalar image, and convert that",
        ) from None
