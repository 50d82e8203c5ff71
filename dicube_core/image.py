"""A series in memory: stored values, and everything the headers say of them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from dicube_core.exceptions import DataConsistencyError, MetaDataError
from dicube_core.geometry import Geometry
from dicube_core.modality import ModalityTransform
from dicube_core.pixel_header import PixelDataHeader
from dicube_core.pixels import STORED_TYPES, PixelFormat
from dicube_core.shown import Shown
from dicube_core.spatial.status import DicomStatus

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import numpy.typing as npt

    from dicube_core.dicom.headers import SliceHeader
    from dicube_core.frame_map import FrameMap
    from dicube_core.metadata.meta import DicomMeta
    from dicube_core.spatial.dimensions import Dimensions
    from dicube_core.spatial.findings import GeometryReport

__all__ = ["DicomCubeImage"]


class DicomCubeImage(Shown):
    """Stored values of all frames with their meaning.

    Parameters
    ----------
    raw_image : ndarray of shape (frames, rows, columns) or (frames, rows, columns, 3)
        Stored values: integers or real numbers; colour pixel by pixel. A 2-D array is taken as
        one frame.
    pixel_header : PixelDataHeader
        Rescale, type and window.
    dicom_meta : DicomMeta, optional
        Merged metadata, one slice per frame.
    space : object, optional
        The grid in patient space: a `Geometry`, or any object with its attributes origin,
        spacing, x/y/z_orientation and shape in z, y, x order.
    dicom_status : DicomStatus, optional
        The worst finding of the series.

    Attributes
    ----------
    headers : sequence of SliceHeader or None
        Original headers of the slices, kept byte for byte until metadata is edited. Frames of
        multi-frame instances have derived ones.
    instance_headers : sequence of SliceHeader or None
        Original headers of the source instances; the same where each has one frame.
    frame_map : FrameMap or None
        Which frame of which instance each frame is; None where each has one frame.
    report : GeometryReport or None
        All findings, where the image was made from DICOM files.
    source_header : bytes or None
        Header of a NIfTI source.

    Raises
    ------
    DataConsistencyError
        Array, header, metadata and space do not fit each other.

    Notes
    -----
    The object is mutable, as in the interface it stands in for; share it between threads for
    reading only.
    """

    def __init__(
        self,
        raw_image: npt.NDArray[Any],
        pixel_header: PixelDataHeader,
        dicom_meta: DicomMeta | None = None,
        space: Any = None,
        dicom_status: DicomStatus = DicomStatus.CONSISTENT,
    ) -> None:
        if not isinstance(pixel_header, PixelDataHeader):
            raise DataConsistencyError(
                f"pixel_header is {type(pixel_header).__name__}, a PixelDataHeader is needed"
            )
        self.raw_image = _three_dimensional(raw_image)
        self.pixel_header = pixel_header
        self.dicom_meta = dicom_meta
        self.space = None if space is None else Geometry.from_space(space)
        self.dicom_status = dicom_status
        self.report: GeometryReport | None = None
        self.source_header: bytes | None = None
        self.headers: Sequence[SliceHeader] | None = None
        self.instance_headers: Sequence[SliceHeader] | None = None
        self.frame_map: FrameMap | None = None
        # Headers belong to the metadata object they came with; another one makes them stale.
        self._headers_of: DicomMeta | None = None
        self._pixel_format: PixelFormat | None = None
        self._note_metadata()
        self.check()

    def attach_headers(
        self,
        headers: Sequence[SliceHeader] | None,
        pixel_format: PixelFormat | None = None,
        frame_map: FrameMap | None = None,
    ) -> None:
        """Keep the original headers with the metadata that describes them.

        Parameters
        ----------
        headers : sequence of SliceHeader
            Of the source instances.
        pixel_format : PixelFormat, optional
            What they say of the frames; needed with `frame_map`.
        frame_map : FrameMap, optional
            Where instances have several frames: which frame is where.
        """
        self.headers = self.instance_headers = headers
        self.frame_map = frame_map
        if headers is not None and frame_map is not None:
            from dicube_core.dicom.multiframe.headers import DerivedHeaders

            if pixel_format is None or frame_map.n_instances != len(headers):
                raise DataConsistencyError(
                    f"headers of {len(headers)} instances, a frame map of "
                    f"{frame_map.n_instances}, pixel format {pixel_format}"
                )
            self.headers = DerivedHeaders(headers, frame_map, pixel_format.native_bits)
        self._headers_of = self.dicom_meta
        self._pixel_format = pixel_format
        self._note_metadata()
        self.check()

    def _note_metadata(self) -> None:
        """Remember which metadata the frames came with, in which order and after which edits."""
        meta = self.dicom_meta
        order, revision = ((), 0) if meta is None else (meta.order, meta.revision)
        self._noted: tuple[DicomMeta | None, tuple[int, ...], int] = (meta, order, revision)

    def current_headers(self) -> Sequence[SliceHeader] | None:
        """Return the original headers.

        None if the metadata was replaced by another, or forgot how it differs from them.
        """
        meta = self.dicom_meta
        if self._headers_of is not meta:
            return None
        if meta is not None and meta.revision != self._noted[2]:
            return None
        return self.headers

    def current_frame_map(self) -> FrameMap | None:
        """Return the frame map, None where `current_headers` are not there or need none."""
        return None if self.current_headers() is None else self.frame_map

    def require_common_order(self) -> None:
        """Refuse metadata that was sorted after the frames, which then belong to other slices.

        Raises
        ------
        DataConsistencyError
            It was.
        """
        meta, order, _ = self._noted
        if meta is not None and meta is self.dicom_meta and meta.order != order:
            raise DataConsistencyError(
                "the metadata was sorted after the frames were read, so they no longer match",
                suggestion="give the order when loading, with sort_method=",
            )

    @property
    def shape(self) -> tuple[int, ...]:
        """(frames, rows, columns), or (frames, rows, columns, 3) for colour."""
        return self.raw_image.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the stored values."""
        return self.raw_image.dtype

    @property
    def frame_count(self) -> int:
        """Number of frames."""
        return int(self.raw_image.shape[0])

    @property
    def pixel_format(self) -> PixelFormat:
        """Frame size and bit fields; the whole container where no header says otherwise."""
        rows, columns, *samples = (int(n) for n in self.raw_image.shape[1:])
        if self._pixel_format is not None and self._headers_of is self.dicom_meta:
            return self._pixel_format
        result = PixelFormat.from_dtype(self.raw_image.dtype.name, rows, columns, *samples)
        tag, meta = "PhotometricInterpretation", self.dicom_meta
        found = meta.get_shared_value(tag) if meta is not None and meta.is_shared(tag) else None
        return replace(result, photometric_interpretation=found) if found else result

    @property
    def dimensions(self) -> Dimensions | None:
        """Which frames make which volume, where the series has several; see `Reader.dimensions`.

        Made of the report of the source, else of the metadata each time it is asked for.

        Raises
        ------
        DataConsistencyError
            The metadata was sorted after the frames.
        """
        from dicube_core.metadata.report import report_of

        meta = self.dicom_meta
        if meta is None:
            return None
        self.require_common_order()
        if self.report is not None and meta is self._noted[0] and not meta.edits:
            return self.report.dimensions
        return report_of(meta).dimensions

    def check(self) -> None:
        """Check that array, header, metadata and space fit each other.

        Raises
        ------
        DataConsistencyError
            Says what does not fit.
        """
        array, count = self.raw_image, self.frame_count
        if array.dtype.name not in STORED_TYPES:
            raise DataConsistencyError(
                f"stored values of type {array.dtype} are not supported; use one of "
                f"{', '.join(STORED_TYPES)}"
            )
        if self.pixel_header.PixelDtype != array.dtype.name:
            raise DataConsistencyError(
                f"the array holds {array.dtype}, the pixel header says "
                f"{self.pixel_header.PixelDtype}"
            )
        if self.space is not None and tuple(self.space.shape) != array.shape[:3]:
            raise DataConsistencyError(
                f"the array has shape {array.shape}, the space {tuple(self.space.shape)}"
            )
        if self.dicom_meta is not None and self.dicom_meta.slice_count != count:
            raise DataConsistencyError(
                f"{count} frames, but metadata of {self.dicom_meta.slice_count} slices"
            )
        headers, expected = self.current_headers(), self._pixel_format
        if headers is not None and len(headers) != count:
            raise DataConsistencyError(f"{count} frames, but headers of {len(headers)} slices")
        if headers is not None and expected is not None:
            found = (array.shape[1:], array.dtype.name)
            if found != (expected.shape, expected.dtype_name):
                raise DataConsistencyError(
                    f"the frames are {found[0]} {found[1]}, the slices' headers say "
                    f"{expected.shape} {expected.dtype_name}",
                    suggestion="set dicom_meta to None or to metadata that describes the array",
                )
        try:
            self.pixel_header.check_frame_count(count)
        except MetaDataError as exc:
            raise DataConsistencyError(exc.message) from exc

    def get_fdata(self, dtype: str = "float32") -> npt.NDArray[Any]:
        """Return modality values: stored values by slope and intercept, or the modality LUT.

        Bits outside of BitsStored take no part.

        Parameters
        ----------
        dtype : str
            ``"float16"``, ``"float32"`` or ``"float64"``. Wide integers and values that binary
            fractions cannot hold are exact only to the precision of this type.

        Returns
        -------
        ndarray of shape (frames, rows, columns)
            Freshly allocated. Frames with their own slope (PET) are scaled by their own.

        Raises
        ------
        DataConsistencyError
            The slices have Modality LUTs, and were sorted after the frames.
        """
        import numpy as np

        if str(np.dtype(dtype)) not in ("float16", "float32", "float64"):
            raise ValueError(f"dtype must be float16, float32 or float64, not {dtype!r}")
        transform = ModalityTransform.of(self.pixel_header, self.pixel_format, self.dicom_meta)
        if transform.has_lut:
            self.require_common_order()
        values = np.empty(self.shape, dtype)
        for index in range(self.frame_count):
            transform.apply(self.raw_image[index], index, dtype, values[index])
        return values

    def init_meta(
        self,
        modality: str = "OT",
        patient_name: str = "ANONYMOUS^",
        patient_id: str = "0000000",
    ) -> DicomMeta:
        """Give an image without DICOM source the metadata that DICOM needs.

        Identifiers are derived from the pixels and the arguments, so the same image gets the same
        ones each time. Returned, and set as `dicom_meta`.

        Raises
        ------
        MetaDataError
            An argument is empty or not text.
        """
        from dicube_core.metadata.new_meta import minimal_meta

        self.dicom_meta = minimal_meta(
            self.raw_image,
            self.pixel_header,
            self.space,
            modality=modality,
            patient_name=patient_name,
            patient_id=patient_id,
        )
        self.headers = self.instance_headers = self.frame_map = None
        self._headers_of = None
        self._note_metadata()
        return self.dicom_meta

    def __repr__(self) -> str:
        return f"<DicomCubeImage {self.shape} {self.dtype}, {self.dicom_status.value}>"


def _three_dimensional(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    import numpy as np

    if not isinstance(array, np.ndarray):
        raise DataConsistencyError(f"raw_image is {type(array).__name__}, an ndarray is needed")
    if array.ndim == 2:
        array = array[np.newaxis]
    colour = array.ndim == 4 and array.shape[3] == 3
    if not (array.ndim == 3 or colour) or 0 in array.shape[1:]:
        raise DataConsistencyError(
            f"raw_image has shape {array.shape}; (frames, rows, columns) is needed, or "
            "(frames, rows, columns, 3) for colour"
        )
    if array.dtype.byteorder not in ("=", "|", _native_order()):
        array = array.astype(array.dtype.newbyteorder("="))
    return array


def _native_order() -> str:
    import sys

    return "<" if sys.byteorder == "little" else ">"
