"""Slices of an open file as DICOM instances, in the transfer syntax asked for."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from dicube_core.dicom import uids
from dicube_core.dicom.instance import encapsulated_instance, native_instance
from dicube_core.dicom.stored_values import stored_bytes
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
        self.reader = reader
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
        if self.reader.headers is not None:
            return self.reader.headers
        with self._lock:
            if self._made is None:
                from dicube_core.dicom.legacy import headers_from_meta

                meta = self.reader.dicom_meta
                if meta is None:
                    raise MetaDataError(
                        f"{self.reader.name}: the file has no DICOM metadata",
                        suggestion="load it, call init_meta on the image, and save it again",
                    )
                self._made = headers_from_meta(meta, self.reader.pixel_format)
            return self._made

    @property
    def default_syntax(self) -> str:
        """HTJ2K lossless, or Explicit VR Little Endian for depths that few decoders read."""
        if self.reader.pixel_format.bits_stored > _WIDELY_DECODED_BITS:
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
        number = self.reader.container.frame_number(index)
        header = self.headers[number]
        if not uncompressed and self.default_syntax == uids.HTJ2K_LOSSLESS:
            codestream = self.reader.codestream(number)
            # Served as it is, but never unchecked: the label says what the bytes must be.
            info = self.reader.codec.inspect(codestream, self.reader.pixel_format)
            if info.precision <= _WIDELY_DECODED_BITS and self._is_plain(number, info.precision):
                return encapsulated_instance(header, codestream, uids.HTJ2K_LOSSLESS)
        return native_instance(header, stored_bytes(self.reader.frame(number)))

    def _is_plain(self, number: int, precision: int) -> bool:
        """Whether the words of a frame are its pixels, with nothing in the bits beside them.

        Readers leave such bits out of uncompressed pixels (PS3.5 8.1.1) but not of compressed
        ones, so a frame that has any is served uncompressed, where it means the same to all.
        """
        pixel_format = self.reader.pixel_format
        if precision == pixel_format.bits_stored == pixel_format.high_bit + 1:
            return True
        words = self.reader.frame(number)
        return pixel_format.pixel_values(words) is words
