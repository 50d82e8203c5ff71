"""What a ``.dcbs`` file has beside its frames, each read when it is first asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dicube_core.container.extension import (
    FRAME_MAP,
    KEPT_ENCODING,
    REPAIR_RECORD,
    SLICE_HEADERS,
    SOURCE_HEADER,
)
from dicube_core.exceptions import InvalidCubeFileError, MetaDataError
from dicube_core.lazy import lazy
from dicube_core.reader._open_file import OpenFile

if TYPE_CHECKING:
    from dicube_core.dicom.headers import HeaderTable
    from dicube_core.dicom.kept_encoding import KeptEncoding
    from dicube_core.frame_map import FrameMap
    from dicube_core.geometry import Geometry
    from dicube_core.repair_record import RepairRecord
    from dicube_core.spatial.status import DicomStatus

__all__ = ["SHOWN", "StoredParts"]

#: Characters of an unknown word that an error shows.
SHOWN = 40


class StoredParts(OpenFile):
    """The parts of an open file that need no knowledge of its frames."""

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
    def kept_encodings(self) -> tuple[KeptEncoding, ...] | None:
        """How compressed sources were put together, None where frames are not kept as they were.

        One per source instance.

        Raises
        ------
        InvalidCubeFileError
            They are damaged, or there are no headers that they belong to.
        """
        data = self._container.part(KEPT_ENCODING)
        if data is None:
            return None
        from dicube_core.dicom.kept_encoding import parse_kept

        if not self._container.has_part(SLICE_HEADERS):
            raise InvalidCubeFileError(
                f"{self.name}: it tells how compressed sources were put together, and has no "
                "headers of theirs",
                suggestion="the file is damaged; restore it from its source",
            )
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
            said = exc.message if where in exc.message else f"{where}: {exc.message}"
            raise InvalidCubeFileError(said) from exc
        if geometry is not None and geometry.shape[0] != self.frame_count:
            raise InvalidCubeFileError(
                f"{where}: shape {geometry.shape} for {self.frame_count} frames"
            )
        return geometry

    @lazy
    def dicom_status(self) -> DicomStatus:
        """The worst finding of the series, in the words of the base format."""
        from dicube_core.spatial.status import DicomStatus

        text = self._container.dicom_status()
        try:
            return DicomStatus(text)
        except ValueError:
            raise InvalidCubeFileError(
                f"{self.name}: dicom_status {text[:SHOWN]!r} is not a known status"
            ) from None
