"""NIfTI in and out, through nibabel (an extra): integers and affine exactly."""

from __future__ import annotations

import gzip
import math
import os
import stat
from typing import TYPE_CHECKING, Any, Literal

from dicube_core.atomic import write_bytes
from dicube_core.exceptions import (
    DataConsistencyError,
    InvalidCubeFileError,
    MetaDataError,
    MissingDependencyError,
    UnsupportedKindError,
)
from dicube_core.geometry import Geometry
from dicube_core.image import DicomCubeImage
from dicube_core.modality import ModalityTransform
from dicube_core.path_source import require_regular
from dicube_core.pixel_header import PixelDataHeader
from dicube_core.pixels import REAL_BITS, STORED_TYPES
from dicube_core.quantize import quantized
from dicube_core.settings import get_limits, how_to_raise
from dicube_core.spatial.refusal import no_true_affine

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["load_from_nifti", "save_to_nifti"]

#: Size of the NIfTI-1 header with the four bytes that announce extensions.
_HEADER_AND_FLAG = 352
#: More than deflate can reach, 1032.
_MAX_RATIO = 1100


def _nibabel() -> Any:
    try:
        import nibabel
    except ImportError as exc:
        raise MissingDependencyError(
            "nibabel is needed for NIfTI files",
            suggestion="pip install 'dicube-plugins[nifti]'",
        ) from exc
    return nibabel


def load_from_nifti(
    file_path: str | os.PathLike[str], *, quantize: Literal["uint16"] | None = None
) -> DicomCubeImage:
    """Read a 3-D NIfTI volume.

    Parameters
    ----------
    file_path : path-like
        ``.nii`` or ``.nii.gz``.
    quantize : {"uint16"}, optional
        Store real-valued voxels, which are else kept as they are, in 65,536 steps between their
        minimum and maximum. This loses precision, so it happens only when asked for.

    Returns
    -------
    DicomCubeImage
        Array axes (k, j, i) of the file, as (frames, rows, columns), with a last axis of three
        for RGB24. Integers and real numbers as they are stored, the file's scale factors in the
        pixel header. The file's header is kept, so that
        `save_to_nifti` gives it back. `space` is None where the affine is sheared.

    Raises
    ------
    UnsupportedKindError
        Complex, 128-bit, RGBA or not three-dimensional.
    InvalidCubeFileError
        nibabel cannot read the file.
    """
    nibabel = _nibabel()
    import numpy as np

    path = os.fspath(file_path)
    status = os.stat(path)  # noqa: PTH116 - a pipe or device must not be opened
    if not stat.S_ISDIR(status.st_mode):
        require_regular(status.st_mode, path)
    try:
        image = nibabel.load(path)
        _require_within_limits(image, path, status.st_size)
        stored = np.asarray(image.dataobj.get_unscaled())
    except (nibabel.filebasedimages.ImageFileError, EOFError, ValueError, AttributeError) as exc:
        raise InvalidCubeFileError(f"{path}: not a readable NIfTI file: {exc}") from exc
    if stored.ndim == 2:
        stored = stored[..., np.newaxis]
    sampled = stored.dtype.fields is not None
    if sampled:
        stored = _colour(stored, path)
    if stored.ndim != 3 + sampled:
        raise UnsupportedKindError(
            f"{path}: a volume of shape {stored.shape} is not 3-D; split it into 3-D volumes first"
        )
    slope, intercept = (float(v) for v in (image.dataobj.slope, image.dataobj.inter))
    values = np.ascontiguousarray(np.moveaxis(stored.T, 0, -1) if sampled else stored.T)
    if values.dtype.name not in STORED_TYPES or (quantize and values.dtype.name in REAL_BITS):
        values, slope, intercept = _quantized(values, path, quantize, slope, intercept)
    values = values.astype(values.dtype.newbyteorder("="), copy=False)
    header = PixelDataHeader(
        RescaleSlope=slope,
        RescaleIntercept=intercept,
        OriginalPixelDtype=stored.dtype.name,
        PixelDtype=values.dtype.name,
    )
    result = DicomCubeImage(values, header, space=_geometry(image.affine, values.shape[:3]))
    if stored.dtype.name == values.dtype.name:
        result.source_header = _header_bytes(image)
    return result


def _require_within_limits(image: Any, path: str, file_bytes: int) -> None:
    """Refuse a volume beyond the limits, or of more bytes than the file can hold, unread."""
    shape, limits = tuple(image.dataobj.shape), get_limits()
    frame = math.prod(shape[:2]) * image.get_data_dtype().itemsize
    frames = math.prod(shape[2:])
    for name, found in (("frame_bytes", frame), ("frame_count", frames)):
        limit = getattr(limits, name)
        if found > limit:
            raise InvalidCubeFileError(
                f"{path}: a volume of shape {shape} has {name} {found}, the limit is {limit}",
                suggestion=how_to_raise(name),
                details={"path": path},
            )
    if frame * frames > _MAX_RATIO * file_bytes + _HEADER_AND_FLAG:
        raise InvalidCubeFileError(
            f"{path}: a volume of shape {shape} needs {frame * frames} bytes, the file has "
            f"{file_bytes}; it is cut, or its header is damaged",
            details={"path": path},
        )


def _colour(stored: npt.NDArray[Any], path: str) -> npt.NDArray[Any]:
    """Return RGB24 voxels with a last axis of three samples.

    Raises
    ------
    UnsupportedKindError
        Another structured type, such as RGBA32.
    """
    import numpy as np

    names = stored.dtype.names or ()
    if names != ("R", "G", "B"):
        raise UnsupportedKindError(
            f"{path}: voxels of {len(names)} samples ({', '.join(names)}) cannot be kept whole by "
            "this version",
            suggestion="RGB24 can",
        )
    return np.ascontiguousarray(stored).view(np.uint8).reshape(*stored.shape, 3)


def _quantized(
    values: npt.NDArray[Any], path: str, quantize: str | None, slope: float, intercept: float
) -> tuple[npt.NDArray[Any], float, float]:
    import numpy as np

    if quantize != "uint16" or values.dtype.kind != "f":
        raise UnsupportedKindError(
            f"{path}: voxels of type {values.dtype} cannot be kept whole by this version",
            suggestion="real numbers of 32 or 64 bits, integers and RGB24 can",
        )
    return quantized(values.astype(np.float64) * slope + intercept, quantize, path)


def _geometry(affine: npt.NDArray[Any], shape: tuple[int, ...]) -> Geometry | None:
    """Return the grid of an affine (i, j, k) -> RAS mm, None if it is not rectangular."""
    import numpy as np

    lps = np.diag([-1.0, -1.0, 1.0]) @ np.asarray(affine, np.float64)[:3]
    columns = [lps[:, axis] for axis in (2, 1, 0)]
    spacing = [float(np.linalg.norm(column)) for column in columns]
    if not all(np.isfinite(spacing)) or min(spacing) <= 0:
        return None
    axes = [tuple((column / s).tolist()) for column, s in zip(columns, spacing, strict=True)]
    try:
        return Geometry(
            shape=tuple(int(n) for n in shape),  # type: ignore[arg-type]
            origin=tuple(lps[:, 3].tolist()),
            spacing=tuple(spacing),  # type: ignore[arg-type]
            axes=tuple(axes),  # type: ignore[arg-type]
        )
    except MetaDataError:
        return None


def _header_bytes(image: Any) -> bytes:
    """Return header and extensions as they are written before the voxels of a single file."""
    import io

    header = image.header.copy()
    file = io.BytesIO()
    if not hasattr(header, "extensions"):  # ANALYZE and relatives
        return b""
    header.write_to(file)
    return file.getvalue()


def save_to_nifti(image: DicomCubeImage, file_path: str | os.PathLike[str]) -> None:
    """Write an image as NIfTI-1.

    Stored values are written as they are, with slope and intercept as NIfTI's scale factors
    where those are exact in its 32-bit fields. Else (per-slice slopes, as in PET, or a slope
    such as 0.1) modality values are written as 64-bit floats.

    Parameters
    ----------
    image : DicomCubeImage
        An image that came from NIfTI gets its own header back.
    file_path : path-like
        Ends in ``.nii`` or ``.nii.gz``; replaced as a whole or not at all.

    Raises
    ------
    GeometryError
        The image has no true affine.
    DataConsistencyError
        The name has another ending.
    """
    nibabel = _nibabel()
    path = os.fspath(file_path)
    if not path.lower().endswith((".nii", ".nii.gz")):
        raise DataConsistencyError(f"{path}: the name must end in .nii or .nii.gz")
    image.check()
    if image.source_header and _describes(nibabel, image):
        header, voxels = image.source_header, image.raw_image
        data = _file_bytes(header, voxels, nibabel)
    else:
        data = _new_file(nibabel, image)
    if path.lower().endswith(".gz"):
        # No time stamp: equal images give equal files.
        data = gzip.compress(data, compresslevel=6, mtime=0)
    write_bytes(data, path)


def _parsed(nibabel: Any, data: bytes) -> Any:
    import io

    from nibabel.wrapstruct import WrapStructError

    for kind in (nibabel.Nifti1Header, nibabel.Nifti2Header):
        try:
            return kind.from_fileobj(io.BytesIO(data))
        except (
            WrapStructError,  # of another length
            nibabel.spatialimages.HeaderDataError,
            ValueError,
            KeyError,
            OSError,
        ):
            continue
    raise InvalidCubeFileError("the NIfTI header kept in the file is damaged")


def _describes(nibabel: Any, image: DicomCubeImage) -> bool:
    """Whether the kept header still fits: array, scale factors and space may have been changed."""
    import numpy as np

    header = _parsed(nibabel, image.source_header or b"")
    shape = tuple(header.get_data_shape())
    shape = (*shape, 1) if len(shape) == 2 else shape
    slope, intercept = (header["scl_slope"].item(), header["scl_inter"].item())
    scale = (slope, intercept) if slope and np.isfinite(slope) else (1.0, 0.0)
    given = (image.pixel_header.RescaleSlope, image.pixel_header.RescaleIntercept)
    kind = header.get_data_dtype()
    colour = kind.names == ("R", "G", "B")
    return (
        shape == image.shape[2::-1]
        and (image.raw_image.ndim == 4) == colour
        and ("uint8" if colour else kind.name) == image.dtype.name
        and (given == scale or colour)
        and _geometry(header.get_best_affine(), image.shape[:3]) == image.space
    )


def _file_bytes(header: bytes, voxels: npt.NDArray[Any], nibabel: Any) -> bytes:
    parsed = _parsed(nibabel, header)
    order = parsed.endianness
    data = voxels.astype(voxels.dtype.newbyteorder(order), copy=False).tobytes()
    offset = int(parsed["vox_offset"]) or len(header)
    return header.ljust(offset, b"\0") + data


def _new_file(nibabel: Any, image: DicomCubeImage) -> bytes:
    import io

    import numpy as np

    if image.space is None:
        report = image.report
        raise no_true_affine(
            "the image", [] if report is None else [f.message for f in report.findings]
        )
    photometric = image.pixel_format.photometric_interpretation
    if photometric.startswith("YBR") or image.pixel_format.is_palette:
        # RGB is all that NIfTI can say of colour; indices would pass for grey.
        raise UnsupportedKindError(
            f"NIfTI has no place for {photometric} values",
            suggestion="nib.save(dicube_plugins.nibabel.load(path), ...) converts them to RGB",
        )
    header = nibabel.Nifti1Header()
    slope, intercept = image.pixel_header.RescaleSlope, image.pixel_header.RescaleIntercept
    exact = image.pixel_header.rescale_is_shared and all(
        float(np.float32(v)) == v  # type: ignore[arg-type]
        for v in (slope, intercept)
    )
    transform = ModalityTransform.of(image.pixel_header, image.pixel_format, image.dicom_meta)
    stored = image.pixel_format.pixel_values(image.raw_image)
    colour = stored.ndim == 4
    # Nobody applies scale factors to colour.
    exact = exact and not transform.has_lut and not (colour and (slope, intercept) != (1, 0))
    voxels = stored if exact else image.get_fdata("float64")
    if colour and voxels.dtype.name != "uint8":
        raise UnsupportedKindError(f"NIfTI has no colour of {voxels.dtype}, only of uint8")
    header.set_data_dtype(np.dtype([(name, "u1") for name in "RGB"]) if colour else voxels.dtype)
    header.set_data_shape(voxels.shape[2::-1])
    affine = image.space.affine_xyz_ras
    header.set_sform(affine, code="scanner")
    header.set_qform(affine, code="scanner")
    header.set_xyzt_units("mm")
    header["vox_offset"] = _HEADER_AND_FLAG
    header["magic"] = b"n+1"
    if voxels is stored:
        header["scl_slope"], header["scl_inter"] = slope, intercept
    else:
        header["scl_slope"], header["scl_inter"] = 1, 0
    file = io.BytesIO()
    header.write_to(file)
    return file.getvalue().ljust(_HEADER_AND_FLAG, b"\0") + voxels.tobytes()
