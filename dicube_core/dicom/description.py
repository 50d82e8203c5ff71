"""Derive the sections of a file from the headers of its slices: one truth, two forms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dicube_core._version import __version__
from dicube_core.container.extension import SLICE_HEADERS, WRITER
from dicube_core.container.sections import compress, dump_json
from dicube_core.container.writer import SeriesSections
from dicube_core.dicom.headers import SliceHeader, pack_headers
from dicube_core.pixel_header import PixelDataHeader

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dicube_core.geometry import Geometry
    from dicube_core.pixels import PixelFormat

__all__ = ["describe_series", "merged_metadata", "pixel_header_of", "writer_name"]


def writer_name() -> str:
    """Return name and version of this package as files carry them."""
    return f"dicube-plugins {__version__}"


def merged_metadata(headers: Sequence[SliceHeader]) -> dict[str, Any]:
    """Return the merged DICOM JSON model of the slices, in their order."""
    from dicube_core.metadata.merge import merge_headers

    return merge_headers([(header.dataset, header.encoding) for header in headers])


def pixel_header_of(
    pixel_format: PixelFormat,
    rescale: Sequence[tuple[float, float]],
    window: tuple[float | None, float | None] = (None, None),
) -> PixelDataHeader:
    """Return the pixel header of stored values that were not rescaled.

    Parameters
    ----------
    pixel_format : PixelFormat
        Type of the stored values.
    rescale : sequence of (slope, intercept)
        One per frame; kept as lists only where frames differ.
    window : (center, width)
        First window of the first frame.
    """
    slopes = [slope for slope, _ in rescale] or [1.0]
    intercepts = [intercept for _, intercept in rescale] or [0.0]
    return PixelDataHeader(
        RescaleSlope=slopes[0] if len(set(slopes)) == 1 else slopes,
        RescaleIntercept=intercepts[0] if len(set(intercepts)) == 1 else intercepts,
        OriginalPixelDtype=pixel_format.dtype_name,
        PixelDtype=pixel_format.dtype_name,
        WindowCenter=window[0],
        WindowWidth=window[1],
    )


def _unusual(pixel_format: PixelFormat) -> dict[str, Any]:
    """Return what only colour and real frames say; descriptions of others stay as they were."""
    said: dict[str, Any] = {}
    if pixel_format.is_colour:
        said["samples_per_pixel"] = pixel_format.samples_per_pixel
        said["planar_configuration"] = pixel_format.planar_configuration
    if pixel_format.real:
        said["real"] = True
    return said


def describe_series(
    *,
    pixel_format: PixelFormat,
    pixel_header: PixelDataHeader,
    headers: Sequence[SliceHeader] | None,
    merged: dict[str, Any] | None,
    frame_count: int,
    geometry: Geometry | None,
    dicom_status: str,
    codec_name: str,
    extra_parts: dict[bytes, bytes] | None = None,
) -> SeriesSections:
    """Return everything of a file but its frames.

    Parameters
    ----------
    headers : sequence of SliceHeader, optional
        Original headers, one per frame.
    merged : dict, optional
        The merged metadata that belongs to them.
    """
    meta = b""
    if merged is not None:
        meta = compress(dump_json({"_merged_data": merged, "slice_count": frame_count}))
    parts = dict(extra_parts or {})
    if headers is not None:
        parts[SLICE_HEADERS] = pack_headers(headers)
    parts[WRITER] = dump_json({"writer": writer_name()})
    return SeriesSections(
        dicom_status=dicom_status.encode("ascii"),
        dicom_meta=meta,
        space=b"" if geometry is None else dump_json(geometry.to_json_dict()),
        pixel_header=pixel_header.to_dict(),
        description={
            "codec": codec_name,
            "rows": pixel_format.rows,
            "columns": pixel_format.columns,
            "bits_allocated": pixel_format.bits_allocated,
            "bits_stored": pixel_format.bits_stored,
            "high_bit": pixel_format.high_bit,
            "pixel_representation": pixel_format.pixel_representation,
            "photometric_interpretation": pixel_format.photometric_interpretation,
            **_unusual(pixel_format),
        },
        extension=parts,
    )
