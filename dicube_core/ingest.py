"""DICOM files in: to an image in memory, or straight to a ``.dcbs`` file."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dicube_core.codec.codestream import parse, rpcl_obstacle
from dicube_core.container.extension import FRAME_MAP, KEPT_ENCODING
from dicube_core.dicom.description import describe_series, merged_metadata, pixel_header_of
from dicube_core.dicom.gather import gather
from dicube_core.dicom.kept_encoding import compressed_frame, keep_series
from dicube_core.dicom.multiframe.frame_sources import FrameSources
from dicube_core.dicom.pixel_fields import numbers, rescale_of
from dicube_core.dicom.series import SourceSeries, build_series
from dicube_core.dicom.stored_values import htj2k_codestream, read_stored_values
from dicube_core.exceptions import DataConsistencyError, DecodeError, DicomCubeWarning
from dicube_core.frames import run_frames
from dicube_core.image import DicomCubeImage
from dicube_core.saving import encoder, save_image, write_frames

if TYPE_CHECKING:
    import os
    from collections.abc import Callable

    import numpy as np

    from dicube_core.container.writer import SeriesSections
    from dicube_core.dicom.gather import SeriesInput
    from dicube_core.dicom.scan import SliceSource
    from dicube_core.pixel_header import PixelDataHeader
    from dicube_core.spatial.findings import GeometryReport
    from dicube_core.spatial.order import SortMethod

__all__ = ["Conversion", "convert", "load_from_dicom_folder"]


@dataclass(frozen=True, slots=True)
class Conversion:
    """What a conversion did.

    Parameters
    ----------
    path : Path
        The file written.
    shape : tuple of int
        (frames, rows, columns).
    dtype_name : str
        numpy name of the stored type.
    source_bytes, file_bytes : int
        Sizes of the sources together, and of the file.
    skipped : tuple of (name, reason)
        Files that are not part of the series.
    report : GeometryReport or None
        Findings; None for NIfTI sources.
    """

    path: Path
    shape: tuple[int, ...]
    dtype_name: str
    source_bytes: int
    file_bytes: int
    skipped: tuple[tuple[str, str], ...]
    report: GeometryReport | None


def load_from_dicom_folder(
    folder_path: SeriesInput,
    sort_method: SortMethod | None = None,
    *,
    series_uid: str | None = None,
) -> DicomCubeImage:
    """Read a series of DICOM files into memory.

    Parameters
    ----------
    folder_path : path, or iterable of paths, binary files, bytes or data sets
        A folder is read with its sub-folders. Files that are not DICOM are left out with a
        `DicomCubeWarning` that names them.
    sort_method : SortMethod, optional
        By default along the slice normal where the geometry is sound, else by InstanceNumber.
    series_uid : str, optional
        Take only the series with this Series Instance UID.

    Returns
    -------
    DicomCubeImage
        Stored values as in the files, never rescaled; the original headers kept byte for byte.

    Raises
    ------
    SeriesError
        Not exactly one series of like frames; the message lists what was found.
    UnsupportedKindError
        A kind of image that cannot be kept whole, named.
    MetaDataError, DecodeError
        A file is damaged.
    """
    import numpy as np

    from dicube_core.metadata.meta import DicomMeta

    series = build_series(gather(folder_path), sort_method, series_uid)
    _warn_of_skipped(series)
    frames, pixel_format = FrameSources(series), series.pixel_format
    array = np.empty((len(frames), *pixel_format.shape), pixel_format.dtype)

    def read(position: int, index: int) -> None:
        read_stored_values(frames.source(index), pixel_format, array[position])

    run_frames(read, range(len(frames)))
    headers = [source.header for source in series.slices]
    meta = DicomMeta.lazy(
        lambda: merged_metadata(headers), len(headers), [header.name for header in headers]
    )
    image = DicomCubeImage(
        array, _pixel_header(series), meta, series.report.geometry, series.report.status
    )
    instances = [source.header for source in series.instances]
    image.attach_headers(instances, pixel_format, series.frame_map)
    image.report = series.report
    return image


def convert(
    source: SeriesInput,
    file_path: str | os.PathLike[str],
    *,
    sort_method: SortMethod | None = None,
    series_uid: str | None = None,
    verify: bool = True,
    progressive: bool = False,
    keep_encoding: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Conversion:
    """Convert a series of DICOM files, or a NIfTI file, to a ``.dcbs`` file.

    Frames go from the sources to the file one by one, so memory stays bounded by a few frames
    per thread, however long the series is.

    Parameters
    ----------
    source : path, or iterable of paths, binary files, bytes or data sets
        As in `load_from_dicom_folder`; a path that ends in ``.nii`` or ``.nii.gz`` is NIfTI.
    file_path : path-like
        The target, replaced as a whole or not at all.
    verify : bool
        Decode every frame after encoding and compare it with the source (default).
    progressive : bool
        As in `save`. Codestreams of HTJ2K sources that do not have this form are encoded anew.
    keep_encoding : bool
        Keep the frames of compressed sources as they are, in the sources' transfer syntax,
        instead of storing their decoded values. A series without compressed sources is encoded
        as usual.
    progress : callable, optional
        Called with (frames written, frames in all).

    Raises
    ------
    DicomCubeError
        As `load_from_dicom_folder` and `save`; nothing is written then.
    """
    if str(source).lower().endswith((".nii", ".nii.gz")) and isinstance(source, str | Path):
        return _convert_nifti(
            Path(source), file_path, verify=verify, progressive=progressive, progress=progress
        )
    series = build_series(gather(source), sort_method, series_uid)
    frames, pixel_format = FrameSources(series), series.pixel_format
    kept = keep_series(series) if keep_encoding else None
    if kept is not None and progressive:
        raise DataConsistencyError("frames that are kept as they are cannot be made progressive")
    codec = encoder(pixel_format, progressive=progressive, codec=None if kept is None else kept[0])

    def load(
        index: int, scratch: np.ndarray[Any, Any]
    ) -> tuple[np.ndarray[Any, Any], bytes | None]:
        item = frames.source(index)
        read_stored_values(item, pixel_format, scratch)
        if kept is not None:
            return scratch, compressed_frame(item)
        codestream = htj2k_codestream(item)
        if codestream is None:
            return scratch, None
        try:
            codec.inspect(codestream, pixel_format)
        except DecodeError:
            return scratch, None  # lossy or unusual: encoded anew from the decoded values
        return scratch, None if progressive and rpcl_obstacle(parse(codestream)) else codestream

    write_frames(
        file_path,
        _describe(series, codec.name, {} if kept is None else {KEPT_ENCODING: kept[1]}),
        len(frames),
        load,
        codec=codec,
        pixel_format=pixel_format,
        verify=verify,
        progressive=progressive,
        progress=progress,
    )
    path = Path(file_path)
    return Conversion(
        path,
        (len(frames), *pixel_format.shape),
        pixel_format.dtype_name,
        sum(item.size for item in series.instances),
        path.stat().st_size,
        series.skipped,
        series.report,
    )


def _describe(series: SourceSeries, codec_name: str, parts: dict[bytes, bytes]) -> SeriesSections:
    """Return everything of the file but its frames."""
    headers = [item.header for item in series.slices]
    instances = [item.header for item in series.instances]
    frame_map = series.frame_map
    return describe_series(
        pixel_format=series.pixel_format,
        pixel_header=_pixel_header(series),
        headers=instances,
        merged=merged_metadata(headers),
        frame_count=len(headers),
        geometry=series.report.geometry,
        dicom_status=series.report.status.value,
        codec_name=codec_name,
        extra_parts=parts if frame_map is None else {FRAME_MAP: frame_map.pack(), **parts},
    )


def _convert_nifti(
    source: Path,
    file_path: str | os.PathLike[str],
    *,
    verify: bool,
    progressive: bool,
    progress: Callable[[int, int], None] | None,
) -> Conversion:
    from dicube_core.nifti import load_from_nifti

    image = load_from_nifti(source)
    save_image(image, file_path, verify=verify, progressive=progressive, progress=progress)
    path = Path(file_path)
    return Conversion(
        path,
        image.shape,
        image.dtype.name,
        source.stat().st_size,
        path.stat().st_size,
        (),
        None,
    )


def _pixel_header(series: SourceSeries) -> PixelDataHeader:
    rescale = [rescale_of(source.values) for source in series.slices]
    return pixel_header_of(series.pixel_format, rescale, _window(series.slices[0]))


def _window(source: SliceSource) -> tuple[float | None, float | None]:
    """Return the first window of a slice; a convenience for display, so oddities are let pass."""
    center, width = (numbers(source.text(tag)) for tag in (0x00281050, 0x00281051))
    return (center[0], width[0]) if center and width else (None, None)


def _warn_of_skipped(series: SourceSeries) -> None:
    if series.skipped:
        listing = "; ".join(f"{name}: {reason}" for name, reason in series.skipped[:5])
        more = f"; and {len(series.skipped) - 5} more" if len(series.skipped) > 5 else ""
        warnings.warn(
            f"{len(series.skipped)} files were left out of the series: {listing}{more}",
            DicomCubeWarning,
            stacklevel=3,
        )
