"""How the frames of a ``.dcbs`` file lie in memory, and what its headers say of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dicube_core.exceptions import DicomCubeError, InvalidCubeFileError
from dicube_core.frame_format import frame_format
from dicube_core.lazy import lazy
from dicube_core.reader._stored_parts import StoredParts

if TYPE_CHECKING:
    import numpy as np

    from dicube_core.dicom.headers import HeaderTable
    from dicube_core.dicom.multiframe.headers import DerivedHeaders
    from dicube_core.metadata.meta import DicomMeta
    from dicube_core.pixels import PixelFormat

__all__ = ["DescribedFile"]

#: Names in `PixelFormat` of what a decoder must know of a frame.
_SIZE_AND_BITS = (
    "rows",
    "columns",
    "bits_allocated",
    "bits_stored",
    "high_bit",
    "pixel_representation",
)


class DescribedFile(StoredParts):
    """An open file with the description of its frames, and the metadata of its slices."""

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
            header = headers[0]
            said = pixel_format_of(header_values(header), header.name)
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
    def dicom_meta(self) -> DicomMeta | None:
        """Merged metadata of all slices, None where the file has none.

        Its bytes are read and compared with their checksum now, and parsed when first asked for.
        """
        return self.stored_meta()

    def stored_meta(self) -> DicomMeta | None:
        """Return `dicom_meta` as the file has it, whatever was done to that object since."""
        from dicube_core.dicom.stored_meta import meta_of_headers, stored_meta

        found = stored_meta(self._container, self.pixel_header, lambda: self.pixel_format)
        headers = self.headers if found is None else None
        return found if headers is None else meta_of_headers(headers, self.name)
