"""A lazy view of one ``.dcbs`` file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dicube_core.container.extension import (
    FRAME_MAP,
    KEPT_ENCODING,
    REPAIR_RECORD,
    SLICE_HEADERS,
    SOURCE_HEADER,
    WRITER,
)
from dicube_core.container.reader import Container
from dicube_core.container.sections import parse_json
from dicube_core.exceptions import (
    CodecError,
    CodecUnavailableError,
    DataConsistencyError,
    DecodeError,
    DicomCubeError,
    InvalidCubeFileError,
    MetaDataError,
)
from dicube_core.frame_format import frame_format
from dicube_core.lazy import lazy
from dicube_core.pixel_header import PixelDataHeader
from dicube_core.source import PathSource, open_source
from dicube_core.spatial.refusal import no_true_affine

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Sequence
    from typing import BinaryIO, Self

    import numpy as np
    import numpy.typing as npt

    from dicube_core.codec.base import FrameCodec
    from dicube_core.codec.codestream import CodestreamInfo
    from dicube_core.dicom.headers import HeaderTable
    from dicube_core.dicom.kept_encoding import KeptEncoding
    from dicube_core.dicom.multiframe.headers import DerivedHeaders
    from dicube_core.frame_map import FrameMap
    from dicube_core.geometry import Geometry
    from dicube_core.metadata.meta import DicomMeta
    from dicube_core.pixels import PixelFormat
    from dicube_core.repair_record import RepairRecord
    from dicube_core.source import ByteSource
    from dicube_core.spatial.dimensions import Dimensions
    from dicube_core.spatial.findings import GeometryReport
    from dicube_core.spatial.status import DicomStatus

__all__ = ["Reader", "open_file"]

_LONGEST_CODEC_NAME = 150
#: Names in `PixelFormat` of what a decoder must know of a frame.
_SIZE_AND_BITS = (
    "rows",
    "columns",
    "bits_allocated",
    "bits_stored",
    "high_bit",
    "pixel_representation",
)
#: Characters of an unknown word that an error shows.
_SHOWN = 40


class Reader:
    """Header, metadata, geometry and single frames of a ``.dcbs`` file.

    Opening touches no frame. Every byte is compared with its checksum as it is read, where the
    file has checksums (`validated`), and every codestream is checked against the file's own
    description before a decoder sees it. Safe for several threads and after fork; pickles as its
    path. A context manager.

    Parameters
    ----------
    source : path, bytes, seekable binary file, or ByteSource
        Where the file is. What the reader opened itself it closes, and nothing else.

    Raises
    ------
    InvalidCubeFileError
        Not a valid ``.dcbs`` file; the message names the section and byte offset.
    OSError
        The file cannot be opened.
    """

    def __init__(self, source: str | os.PathLike[str] | bytes | BinaryIO | ByteSource) -> None:
        self._given = source
        self._source = open_source(source)
        self._owned = self._source is not source
        try:
            self._container = Container(self._source)
            self.pixel_header = PixelDataHeader.from_dict(self._container.pixel_header)
            self.pixel_header.check_frame_count(self.frame_count)
        except MetaDataError as exc:
            self.close()
            raise InvalidCubeFileError(
                f"{self.name}: {exc.message.removeprefix(f'{self.name}: ')}", details=exc.details
            ) from exc
        except BaseException:
            self.close()
            raise

    @property
    def name(self) -> str:
        """Path of the file, or a description of the source."""
        return str(getattr(self._source, "name", "<source>"))

    @property
    def container(self) -> Container:
        """The file's sections as stored."""
        return self._container

    @property
    def frame_count(self) -> int:
        """Number of frames."""
        return self._container.frame_count

    @property
    def validated(self) -> bool:
        """Whether the file has checksums, so that damage cannot go unnoticed."""
        return self._container.validated

    @lazy
    def writer(self) -> str:
        """Name and version of the program that wrote the file, empty where it does not say."""
        data = self._container.part(WRITER)
        return "" if data is None else str(parse_json(data, self.name).get("writer", ""))

    @lazy
    def pixel_format(self) -> PixelFormat:
        """Frame size and bit fields.

        Files of other writers do not say them in one place: the size is taken from the space or
        the metadata, and as a last resort from the first codestream.
        """
        # Building it takes longer than all the rest of opening, and its shape is compared anyway.
        geometry = None if self._container.description else self.geometry
        found = frame_format(self._container, self.pixel_header, geometry)
        self._require_agreeing(found)
        return found

    def _require_agreeing(self, found: PixelFormat) -> None:
        """Refuse frames described otherwise than the first slice's own header says.

        Other slices are compared as they are delivered, and by `verify_file`.
        """
        from dicube_core.dataset.find import header_values
        from dicube_core.dicom.pixel_fields import pixel_format_of

        try:
            headers = self.instance_headers
            if headers is None:
                return
            said = pixel_format_of(header_values(headers[0]), headers[0].name)
        except DicomCubeError:
            return  # damaged headers are an error to whom they matter; frames can be read without
        names = ("real", "samples_per_pixel", *_SIZE_AND_BITS)
        if any(getattr(found, name) != getattr(said, name) for name in names):
            raise InvalidCubeFileError(
                f"{self.name}: the file describes frames of {found}, the header of its first "
                f"slice of {said}",
                suggestion="the file is damaged or was tampered with; restore it from its source",
                details={"path": self.name},
            )

    @property
    def shape(self) -> tuple[int, ...]:
        """(frames, rows, columns), or (frames, rows, columns, 3) for colour."""
        return (self.frame_count, *self.pixel_format.shape)

    @property
    def dtype(self) -> np.dtype[np.generic]:
        """Type of the stored values."""
        return self.pixel_format.dtype

    @property
    def codec_name(self) -> str:
        """Name of the codec that the frames are encoded with."""
        name = self._container.description.get("codec", "htj2k")
        if not isinstance(name, str) or not 0 < len(name) <= _LONGEST_CODEC_NAME:
            raise InvalidCubeFileError(
                f"{self.name}: the pixel header names no codec, but {repr(name)[:_SHOWN]}"
            )
        return name

    @property
    def codec(self) -> FrameCodec:
        """The codec that the file names; which one, depends on the limits of the process."""
        from dicube_core.codec.registry import get_codec

        try:
            return get_codec(self.codec_name)
        except CodecError as exc:
            exc.add_place(self.name)
            raise

    @lazy
    def geometry(self) -> Geometry | None:
        """The regular grid that the slices form, None where they form none.

        Raises
        ------
        InvalidCubeFileError
            The space section holds numbers that cannot be (NaN, spacing that is not positive),
            or is of another shape than the frames.
        """
        from dicube_core.geometry import Geometry

        where = f"{self.name}: space at byte {self._container.header.space.offset}"
        try:
            stored = self._container.space()
            geometry = None if stored is None else Geometry.from_json_dict(stored)
        except MetaDataError as exc:
            raise InvalidCubeFileError(f"{where}: {exc.message}") from exc
        if geometry is not None and geometry.shape[0] != self.frame_count:
            raise InvalidCubeFileError(
                f"{where}: shape {geometry.shape} for {self.frame_count} frames"
            )
        return geometry

    def require_geometry(self) -> Geometry:
        """Return `geometry`, for what cannot do without.

        Raises
        ------
        GeometryError
            The slices form no regular grid; the message says why, and how to read them anyway.
        """
        geometry = self.geometry
        if geometry is not None:
            return geometry
        report = self.report()
        findings = [] if report is None else [finding.message for finding in report.findings]
        raise no_true_affine(self.name, findings)

    @lazy
    def frame_map(self) -> FrameMap | None:
        """Which frame of which source instance each frame is, None where each has one frame."""
        from dicube_core.frame_map import FrameMap

        data = self._container.part(FRAME_MAP)
        if data is None:
            return None
        return FrameMap.parse(data, self.frame_count, f"{self.name}: frame map")

    @lazy
    def instance_headers(self) -> HeaderTable | None:
        """Headers of the source instances as they are stored, None where the file has none."""
        from dicube_core.dicom.headers import HeaderTable

        data = self._container.part(SLICE_HEADERS)
        if data is None:
            return None
        frame_map = self.frame_map
        count = self.frame_count if frame_map is None else frame_map.n_instances
        return HeaderTable(data, count, f"{self.name}: slice headers")

    @lazy
    def headers(self) -> HeaderTable | DerivedHeaders | None:
        """One header per frame, None where the file has none.

        The originals where each instance has one frame; else those of the frames as images of
        their own, made when asked for.
        """
        stored, frame_map = self.instance_headers, self.frame_map
        if stored is None or frame_map is None:
            return stored
        from dicube_core.dicom.multiframe.headers import DerivedHeaders

        return DerivedHeaders(stored, frame_map, self.pixel_format.native_bits)

    @lazy
    def kept_encodings(self) -> tuple[KeptEncoding, ...] | None:
        """How compressed sources were put together, None where frames are not kept as they were.

        One per source instance.
        """
        data = self._container.part(KEPT_ENCODING)
        if data is None:
            return None
        from dicube_core.dicom.kept_encoding import parse_kept

        count = self.frame_count if self.frame_map is None else self.frame_map.n_instances
        return parse_kept(data, count, f"{self.name}: kept encodings")

    @lazy
    def source_header(self) -> bytes | None:
        """Header of a source that is not DICOM (NIfTI), None where there is none."""
        return self._container.part(SOURCE_HEADER)

    @lazy
    def repaired(self) -> RepairRecord | None:
        """What was lost when the file was repaired, None where nothing was."""
        data = self._container.part(REPAIR_RECORD)
        if data is None:
            return None
        from dicube_core.repair_record import RepairRecord

        return RepairRecord.parse(data, self.frame_count, f"{self.name}: repair record")

    @lazy
    def dicom_meta(self) -> DicomMeta | None:
        """Merged metadata of all slices, None where the file has none.

        Its bytes are read and compared with their checksum now, and parsed when first asked for.
        """
        return self.stored_meta()

    def stored_meta(self) -> DicomMeta | None:
        """Return `dicom_meta` as the file has it, whatever was done to that object since."""
        from dicube_core.dicom.stored_meta import stored_meta

        return stored_meta(self._container, self.pixel_header, lambda: self.pixel_format)

    @lazy
    def dicom_status(self) -> DicomStatus:
        """The worst finding of the series, in the words of the base format."""
        from dicube_core.spatial.status import DicomStatus

        text = self._container.dicom_status()
        try:
            return DicomStatus(text)
        except ValueError:
            raise InvalidCubeFileError(
                f"{self.name}: dicom_status {text[:_SHOWN]!r} is not a known status"
            ) from None

    def report(self) -> GeometryReport | None:
        """Return all findings on order and geometry, None where the file has no DICOM metadata."""
        from dicube_core.metadata.report import report_of

        meta = self.dicom_meta
        return None if meta is None else report_of(meta)

    @lazy
    def dimensions(self) -> Dimensions | None:
        """Which frames make which volume, where the series has several (echoes, time points ...).

        None for a single volume, and where the file has no DICOM metadata. Made of the metadata;
        no frame is read.
        """
        report = self.report()
        return None if report is None else report.dimensions

    @property
    def volume_geometry(self) -> Geometry | None:
        """The regular grid that each volume of the series forms: `geometry` of a single one.

        None where the slices of a volume form none, or volumes lie in different places (see
        `Dimensions.geometry_of`).
        """
        return self.geometry if self.dimensions is None else self.dimensions.geometry

    def sheared_affine(self) -> npt.NDArray[np.float64] | None:
        """Return the 4x4 matrix from (frame, row, column, 1) to LPS mm, gantry tilt included.

        Returns
        -------
        ndarray of shape (4, 4), or None
            Only where nothing but a tilt withholds `geometry` (or, of a series of several
            volumes, `volume_geometry`). Its first column is not perpendicular to the others,
            which most programs that read an affine take for granted.
        """
        report = self.report()
        if report is None:
            return None
        volumes = report.dimensions
        if volumes is not None:
            return None if volumes.sheared is None else volumes.sheared.affine
        return report.sheared_affine

    def codestream(self, index: int) -> bytes:
        """Return one frame as it is stored.

        Raises
        ------
        FrameIndexError
            `index` is outside ``[-frame_count, frame_count)``.
        ChecksumError
            The bytes are damaged; the message names frame and byte offset.
        """
        return self._container.codestream(index)

    def frame(
        self, index: int, level: int = 0, out: npt.NDArray[Any] | None = None
    ) -> npt.NDArray[Any]:
        """Decode one frame to stored values.

        Parameters
        ----------
        index : int
            Position in file order, 0-based; negative values count from the end.
        level : int
            Resolution levels to leave out: the frame is ``ceil(size / 2**level)`` wide.
        out : ndarray of shape (rows, columns), optional
            Filled and returned. C-contiguous, of the stored type.

        Returns
        -------
        ndarray of shape (rows, columns)
            Stored values, before rescale. Freshly allocated unless `out` is given.

        Raises
        ------
        FrameIndexError
            `index` is out of range.
        DecodeError, ChecksumError
            The frame is damaged; the message names it and its byte offset.
        """
        codestream = self._container.codestream(index)
        try:
            return self.codec.decode(codestream, self.pixel_format, out=out, level=level)
        except DecodeError as exc:
            raise self._located(exc, index) from exc

    def inspect(self, index: int, codestream: bytes) -> CodestreamInfo:
        """Check that the codestream of a frame is HTJ2K, and what the file says its frames are.

        No decoder is loaded for that.

        Raises
        ------
        DecodeError
            It is damaged or contradicts the file; the message names frame and byte offset.
        """
        from dicube_core.codec.codestream import check, parse

        try:
            info = parse(codestream)
            check(info, self.pixel_format)
        except DecodeError as exc:
            raise self._located(exc, index) from exc
        return info

    def check_frame(self, index: int, codestream: bytes) -> None:
        """Check a frame as it is stored, without decoding it, as far as its codec can tell.

        Frames of a codec that is not installed here pass: nothing of them is decoded here either.

        Raises
        ------
        DecodeError
            It is damaged or contradicts the file; the message names frame and byte offset.
        """
        if self.codec_name.startswith("htj2k"):
            self.inspect(index, codestream)
            return
        try:
            codec = self.codec
        except CodecUnavailableError:
            return
        try:
            codec.inspect(codestream, self.pixel_format)
        except DecodeError as exc:
            raise self._located(exc, index) from exc

    def _located(self, error: DecodeError, index: int) -> DecodeError:
        number = self._container.frame_number(index)
        offset = self._container.index.offsets[number]
        return DecodeError(
            f"{self.name}: frame {number} at byte {offset}: {error.message}",
            suggestion=error.suggestion,
            details={**error.details, "path": self.name, "frame": number, "offset": offset},
        )

    def frame_numbers(self, frames: Iterable[int] | slice | None = None) -> Sequence[int]:
        """Return the numbers of a choice of frames, as all that give many frames understand it.

        Parameters
        ----------
        frames : range, slice or iterable of int, optional
            Which, in which order; all by default. Negative values count from the end.

        Raises
        ------
        FrameIndexError
            An index is out of range.
        """
        if frames is None:
            return range(self.frame_count)
        if isinstance(frames, slice):
            return range(*frames.indices(self.frame_count))
        return [self._container.frame_number(index) for index in frames]

    def frames(
        self,
        frames: Iterable[int] | slice | None = None,
        out: npt.NDArray[Any] | None = None,
        level: int = 0,
    ) -> npt.NDArray[Any]:
        """Decode many frames on the configured number of threads.

        Parameters
        ----------
        frames : range, slice or iterable of int, optional
            Which, in which order; all by default.
        out : ndarray of shape (n, rows, columns), optional
            Filled and returned.
        level : int
            As in `frame`.

        Returns
        -------
        ndarray of shape (n, rows, columns)
            Stored values.
        """
        import numpy as np

        from dicube_core.frames import run_frames

        chosen = self.frame_numbers(frames)
        plane = (-(-n // (1 << level)) for n in self.pixel_format.shape[:2])
        shape = (len(chosen), *plane, *self.pixel_format.shape[2:])
        if out is None:
            out = np.empty(shape, self.dtype)
        elif out.shape != shape or out.dtype != self.dtype or not out.flags.c_contiguous:
            raise DataConsistencyError(
                f"out has shape {out.shape} and type {out.dtype}; a C-contiguous array of shape "
                f"{shape} and type {self.dtype} is needed"
            )
        target = out
        _ = self.codec, self.pixel_format  # made once, not by every thread

        def decode(position: int, index: int) -> None:
            self.frame(index, level, target[position])

        run_frames(decode, chosen)
        return target

    def close(self) -> None:
        """Close what the reader opened; may be called again."""
        if self._owned:
            close = getattr(self._source, "close", None)
            if close is not None:
                close()

    def __len__(self) -> int:
        return self.frame_count

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Reader {self.name!r}, {self.frame_count} frames>"

    def __reduce__(self) -> tuple[Any, ...]:
        if isinstance(self._source, PathSource):
            return Reader, (self._source.__reduce__()[1][0],)
        if isinstance(self._given, bytes):
            return Reader, (self._given,)
        raise TypeError("only a reader opened from a path or from bytes can be pickled")


def open_file(source: str | os.PathLike[str] | bytes | BinaryIO | ByteSource) -> Reader:
    """Open a ``.dcbs`` file for reading; see `Reader`."""
    return Reader(source)
