"""Write an image to a ``.dcbs`` file: the series that it is, or a new one without metadata."""

from __future__ import annotations

import io
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np

from dicube_core.atomic import write_copy
from dicube_core.exceptions import DataConsistencyError, UnsupportedKindError
from dicube_core.image import DicomCubeImage
from dicube_core.pixel_header import PixelDataHeader
from dicube_core.saving import save_image
from dicube_plugins.nibabel._affine import geometry_of
from dicube_plugins.nibabel._series import RGB
from dicube_plugins.nibabel._stored import stored_values

if TYPE_CHECKING:
    import numpy.typing as npt

    from dicube_core.reader import Reader
    from dicube_plugins.nibabel._header import DcbsHeader
    from dicube_plugins.nibabel._integers import Stored
    from dicube_plugins.nibabel._series import Series

__all__ = ["Savable", "cube_image", "file_bytes", "write_file"]


class Savable(Protocol):
    """What is written of an image; see `DcbsImage`, which has it."""

    nifti_header: Any

    @property
    def dataobj(self) -> Any: ...
    @property
    def affine(self) -> npt.NDArray[np.float64] | None: ...
    @property
    def header(self) -> DcbsHeader: ...
    @property
    def shape(self) -> tuple[int, ...]: ...
    @property
    def whole_series(self) -> Series | None: ...


def write_file(
    image: Savable,
    path: str | os.PathLike[str],
    *,
    quantize: Literal["uint16"] | None = None,
    dtype: npt.DTypeLike | None = None,
) -> None:
    """Write an image; see `DcbsImage.to_file_map`."""
    series, chosen = image.whole_series, _chosen_dtype(image, dtype)
    if series is not None and chosen in (None, series.stored_dtype):
        _write_series(series.reader, path)
    else:
        save_image(_volume(image, os.fspath(path), quantize, dtype), path)


def file_bytes(
    image: Savable,
    *,
    quantize: Literal["uint16"] | None = None,
    dtype: npt.DTypeLike | None = None,
) -> bytes:
    """Return the bytes that `write_file` would write."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "image.dcbs"
        write_file(image, path, quantize=quantize, dtype=dtype)
        return path.read_bytes()


def cube_image(reader: Reader) -> DicomCubeImage:
    """Return everything of an opened file in memory."""
    meta = reader.dicom_meta
    if meta is not None and meta.order != tuple(range(meta.slice_count)):
        raise DataConsistencyError(
            f"{reader.name}: the metadata was sorted, so it no longer matches the frames",
            suggestion="load the file again",
        )
    image = DicomCubeImage(
        reader.frames(), reader.pixel_header, meta, reader.geometry, reader.dicom_status
    )
    image.source_header = reader.source_header
    if meta is None or not meta.revision:
        image.attach_headers(reader.instance_headers, reader.pixel_format, reader.frame_map)
    return image


def _write_series(reader: Reader, path: str | os.PathLike[str]) -> None:
    """Write the series of a file: the same bytes, unless its metadata was edited."""
    meta = reader.dicom_meta
    edited = meta is not None and (
        meta.edits or meta.revision or meta.order != tuple(range(meta.slice_count))
    )
    if edited:
        save_image(cube_image(reader), path)
        return
    container = reader.container
    container.check_all()  # so that no damage is copied unnoticed
    _require_readable(reader)
    write_copy(container.source, path)


def _require_readable(reader: Reader) -> None:
    """Refuse to copy what cannot be read again, with checksums that are right or without any."""
    _ = reader.geometry, reader.dicom_status, reader.source_header, reader.kept_encodings
    meta, headers = reader.dicom_meta, reader.instance_headers
    _ = meta is None or meta.items(), list(headers or ())
    for index in range(reader.frame_count):
        reader.check_frame(index, reader.codestream(index))


def _chosen_dtype(image: Savable, dtype: npt.DTypeLike | None) -> np.dtype[Any] | None:
    """Return the type that the values are to be stored in, None where nobody asked for one."""
    if dtype is not None:
        return np.dtype(dtype)
    return image.header.get_data_dtype() if image.header.dtype_chosen else None


def _volume(
    image: Savable, name: str, quantize: Literal["uint16"] | None, dtype: npt.DTypeLike | None
) -> DicomCubeImage:
    """Make the series of an image: voxels and grid, and nothing that was said of others."""
    shape = image.shape
    if len(shape) not in (2, 3) or 0 in shape:
        raise UnsupportedKindError(
            f"{name}: an image of shape {shape} is not one three-dimensional volume",
            suggestion="nibabel.four_to_three splits a 4-D image, nibabel.squeeze_image drops "
            "axes of length 1",
        )
    data: Any = image.dataobj
    header = image.header
    stored = stored_values(
        data,
        name,
        preferred=header.get_data_dtype(),
        chosen=_chosen_dtype(image, dtype),
        scale_hint=header.scale_hint,
        quantize=quantize,
    )
    colour = stored.values.shape != shape
    values = stored.values if len(shape) == 3 else np.expand_dims(stored.values, 2)
    x, y, z = values.shape[:3]
    result = DicomCubeImage(
        np.ascontiguousarray(values.transpose((2, 1, 0, 3) if colour else None)),
        PixelDataHeader(
            RescaleSlope=stored.slope,
            RescaleIntercept=stored.intercept,
            OriginalPixelDtype=_type_name(data, values),
            PixelDtype=values.dtype.name,
        ),
        space=geometry_of(image.affine, (x, y, z), name),
    )
    result.source_header = _nifti_header(image, stored)
    return result


def _type_name(data: Any, values: npt.NDArray[Any]) -> str:
    kind = np.dtype(getattr(data, "dtype", values.dtype))
    return values.dtype.name if kind == RGB else kind.name


def _nifti_header(image: Savable, stored: Stored) -> bytes | None:
    """Return the NIfTI header that the image was made from, None where it no longer fits."""
    header: Any = image.nifti_header
    if header is None or isinstance(stored.slope, list) or isinstance(stored.intercept, list):
        return None
    if image.affine is None or not np.array_equal(header.get_best_affine(), image.affine):
        return None
    header = header.copy()
    colour = stored.values.shape != image.shape
    header.set_data_dtype(RGB if colour else stored.values.dtype)
    header.set_data_shape(image.shape)
    header.set_slope_inter(stored.slope, stored.intercept)
    file = io.BytesIO()
    header.write_to(file)
    return file.getvalue()
