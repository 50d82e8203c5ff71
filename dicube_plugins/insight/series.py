"""Make a series of an ITK image: voxels, grid and metadata, exactly or not at all."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from dicube_core.exceptions import GeometryError, MetaDataError, UnsupportedKindError
from dicube_core.geometry import Geometry
from dicube_core.image import DicomCubeImage
from dicube_core.pixel_header import PixelDataHeader
from dicube_core.pixels import STORED_TYPES
from dicube_core.quantize import quantized
from dicube_core.saving import save_image
from dicube_plugins.insight.grid import FRAME_ORDER, FRAME_ORDER_KEPT, PLANE
from dicube_plugins.insight.series_elements import add_series_elements, decoded_texts

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

    import numpy.typing as npt

    from dicube_plugins.insight.grid import Grid

__all__ = ["ItkImage", "write_series"]

#: What DICOM has colour in (PS3.3 C.7.6.3.1.2).
_COLOUR_TYPES = ("uint8", "uint16", "uint32")
_MODALITY, _PATIENT_NAME, _PATIENT_ID = "0008|0060", "0010|0010", "0010|0020"


@dataclass(frozen=True)
class ItkImage:
    """What an ITK image holds.

    Parameters
    ----------
    array : ndarray of shape (frames, rows, columns) or (rows, columns)
        Voxels; with a last axis of three for colour.
    grid : Grid
        Their place.
    entries : mapping
        Metadata, keys ``gggg|eeee``.
    components : int
        1, or 3 for red, green and blue.
    """

    array: npt.NDArray[Any]
    grid: Grid
    entries: Mapping[str, str] = field(default_factory=dict)
    components: int = 1


def write_series(
    image: ItkImage,
    path: str | os.PathLike[str],
    *,
    quantize: Literal["uint16"] | None = None,
    modality: str | None = None,
    identifiers: bool = False,
) -> None:
    """Write an image as a ``.dcbs`` file, as a whole or not at all.

    Parameters
    ----------
    image : ItkImage
        Two- or three-dimensional; real, or colour.
    path : path-like
        The file.
    quantize : {"uint16"}, optional
        Store real values in 65,536 steps between their minimum and maximum. This loses
        precision, so it happens only when asked for; by default they are stored as they are.
    modality : str, optional
        Instead of that in the metadata; ``OT`` (other) if there is none.
    identifiers : bool
        Keep the UIDs of series and frame of reference that the metadata names.

    Raises
    ------
    UnsupportedKindError
        Voxels that cannot be stored exactly.
    GeometryError
        The axes are not perpendicular.
    MetaDataError
        A text in the metadata is no value of its element.
    """
    if image.grid.dimension not in (2, 3) or 0 in image.grid.size:
        raise UnsupportedKindError(
            f"{path}: an image of size {image.grid.size} is not one volume of two or three "
            "dimensions",
            suggestion="write each volume by itself",
        )
    if image.components == 1:
        stored, slope, intercept = _stored(image.array, str(path), quantize)
    else:
        stored, slope, intercept = _colour(image, str(path)), 1.0, 0.0
    if image.grid.dimension == 2:
        stored = stored[None]
    header = PixelDataHeader(
        RescaleSlope=slope,
        RescaleIntercept=intercept,
        OriginalPixelDtype=image.array.dtype.name,
        PixelDtype=stored.dtype.name,
    )
    geometry = _geometry(image.grid, str(path))
    if geometry is None:
        header.Extras[PLANE] = image.grid.to_plane()
    elif not geometry.is_right_handed:
        header.Extras[FRAME_ORDER] = FRAME_ORDER_KEPT
    series = DicomCubeImage(stored, header, space=geometry)
    _describe(series, image, modality, identifiers=identifiers)
    save_image(series, path)


def _describe(
    series: DicomCubeImage, image: ItkImage, modality: str | None, *, identifiers: bool
) -> None:
    texts = {key.lower(): text for key, text in decoded_texts(image.entries).items()}

    def text(key: str, default: str) -> str:
        return texts.get(key, "").strip(" \0") or default

    meta = series.init_meta(
        modality or text(_MODALITY, "OT"),
        text(_PATIENT_NAME, "").partition("=")[0] or "ANONYMOUS^",
        text(_PATIENT_ID, "0000000"),
    )
    if text(_PATIENT_NAME, ""):
        meta.set_shared_item("PatientName", text(_PATIENT_NAME, ""))  # with all of its groups
    add_series_elements(meta, texts, identifiers=identifiers)
    if series.space is None:
        across, down = image.grid.spacing
        meta.set_shared_item("PixelSpacing", [down, across])
    meta.mark_clean()


def _stored(
    array: npt.NDArray[Any], path: str, quantize: str | None
) -> tuple[npt.NDArray[Any], float, float]:
    kind = array.dtype
    if quantize is not None and kind.kind == "f":
        return quantized(array, quantize, path)
    if kind.name not in STORED_TYPES:
        raise UnsupportedKindError(
            f"{path}: voxels of type {kind} cannot be stored",
            suggestion=f"cast the image to one of {', '.join(STORED_TYPES)}",
        )
    return (_narrowed(array, path) if kind.name in ("int64", "uint64") else array), 1.0, 0.0


def _narrowed(array: npt.NDArray[Any], path: str) -> npt.NDArray[Any]:
    """Return 64-bit integers in 32 bits, if these hold them: the pixels of DICOM have no more."""
    import numpy as np

    low, high = int(array.min()), int(array.max())
    for name in ("int32", "uint32"):
        if np.iinfo(name).min <= low and high <= np.iinfo(name).max:
            return array.astype(name)
    raise UnsupportedKindError(
        f"{path}: voxels from {low} to {high} do not fit 32 bits, and pixels of DICOM hold no more",
        suggestion="write the image as NIfTI; dicube_core keeps 64 bits of that",
    )


def _colour(image: ItkImage, path: str) -> npt.NDArray[Any]:
    """Return red, green and blue as they are stored."""
    array, kind = image.array, image.array.dtype
    if image.components != 3 or kind.name not in _COLOUR_TYPES:
        raise UnsupportedKindError(
            f"{path}: {image.components} components of type {kind} are no colour; three of "
            f"{', '.join(_COLOUR_TYPES)} are",
            suggestion="write each component as a series of its own",
        )
    return array


def _geometry(grid: Grid, path: str) -> Geometry | None:
    """Return the place of a volume; None for a plane, which is in no patient."""
    if grid.dimension == 2:
        return None
    columns, rows, frames = grid.size
    x, y, z = ((grid.direction[i], grid.direction[3 + i], grid.direction[6 + i]) for i in range(3))
    ox, oy, oz = grid.origin
    dx, dy, dz = grid.spacing
    try:
        geometry = Geometry(
            (columns, rows, frames), (ox, oy, oz), (dx, dy, dz), (x, y, z), axis_order="xyz"
        )
    except MetaDataError as exc:
        raise GeometryError(
            f"{path}: the image's grid cannot be stored: {exc.message}",
            suggestion="resample the image to a grid with perpendicular axes",
        ) from exc
    return geometry.in_axis_order("zyx")
