"""Slices of an open file as DICOM instances, in the transfer syntax asked for."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from dicube_core.dicom import uids
from dicube_core.dicom.instance import encapsulated_instance, native_instance, restored_syntax
from dicube_core.exceptions import MetaDataError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dicube_core.dicom.headers import SliceHeader
    from dicube_core.reader import Reader

__all__ = ["SliceProvider"]

#: Codestreams deeper than this are read by hardly any decoder but OpenJPH.
_WIDELY_DECODED_BITS = 16


class SliceProvider:
    """Part 10 bytes of the slices of an open file. Safe for several threads.

    The bytes are a function of file, frame and transfer syntax: the same on every call, in every
    process.

    Parameters
    ----------
    reader : Reader
        Stays the caller's to close.
    """

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._lock = threading.Lock()
        self._made: Sequence[SliceHeader] | None = None

    @property
    def headers(self) -> Sequence[SliceHeader]:
        """Headers of the slices: the originals, or made once from the merged metadata.

        Raises
        ------
        MetaDataError
            The file has no DICOM metadata.
        """
        if self._reader.headers is not None:
            return self._reader.headers
        with self._lock:
            if self._made is None:
                from dicube_core.dicom.legacy import headers_from_meta

                meta = self._reader.dicom_meta
                if meta is None:
                    raise MetaDataError(
                        f"{self._reader.name}: the file has no DICOM metadata",
                        suggestion="load it, call init_meta on the image, and save it again",
                    )
                self._made = headers_from_meta(meta, self._reader.pixel_format)
            return self._made

    @property
    def default_syntax(self) -> str:
        """HTJ2K lossless, or Explicit VR Little Endian for depths that few decoders read."""
        if self._reader.pixel_format.bits_allocated > _WIDELY_DECODED_BITS:
            return uids.EXPLICIT_LE
        return uids.HTJ2K_LOSSLESS

    def instance(self, index: int, *, uncompressed: bool = False) -> bytes:
        """Return one slice as a DICOM file.

        Parameters
        ----------
        index : int
            Frame, 0-based.
        uncompressed : bool
            The source's own uncompressed encoding, byte for byte, or Explicit VR Little Endian
            where the source was compressed. Else `default_syntax`.

        Raises
        ------
        FrameIndexError
            Out of range.
        DicomCubeError
            The frame or its header cannot be read. Compressed bytes are never delivered in place
            of uncompressed ones.
        """
        from dicube_core.export import stored_bytes

        number = self._reader.container.frame_number(index)
        header = self.headers[number]
        if uncompressed or self.default_syntax == uids.EXPLICIT_LE:
            return native_instance(header, stored_bytes(self._reader.frame(number)))
        codestream = self._reader.codestream(number)
        # Served as they are, but never unchecked: the label says what the bytes must be.
        self._reader.codec.inspect(codestream, self._reader.pixel_format)
        return encapsulated_instance(header, codestream, uids.HTJ2K_LOSSLESS)

    def syntax(self, index: int, *, uncompressed: bool = False) -> str:
        """Return the Transfer Syntax UID in which `instance` delivers."""
        if not uncompressed and self.default_syntax == uids.HTJ2K_LOSSLESS:
            return uids.HTJ2K_LOSSLESS
        header = self.headers[self._reader.container.frame_number(index)]
        return restored_syntax(header)
