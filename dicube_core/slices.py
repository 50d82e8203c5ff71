"""Slices of an open file as DICOM instances, in the transfer syntax asked for."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from dicube_core.dicom import uids
from dicube_core.dicom.agreement import require_agreement
from dicube_core.dicom.instance import (
    deflated_instance,
    encapsulated_instance,
    native_instance,
    restored_file,
    with_encoding,
)
from dicube_core.dicom.stored_values import stored_bytes
from dicube_core.exceptions import MetaDataError, TransferSyntaxError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dicube_core.codec.codestream import CodestreamInfo
    from dicube_core.dicom.headers import SliceHeader
    from dicube_core.reader import Reader

__all__ = ["OFFERED_SYNTAXES", "SliceProvider"]

#: Transfer syntaxes in which slices are delivered.
OFFERED_SYNTAXES = {
    uids.HTJ2K_LOSSLESS: "HTJ2K Lossless",
    uids.HTJ2K_LOSSLESS_RPCL: "HTJ2K Lossless RPCL",
    uids.EXPLICIT_LE: "Explicit VR Little Endian",
    uids.IMPLICIT_LE: "Implicit VR Little Endian",
    uids.DEFLATED: "Deflated Explicit VR Little Endian",
}
#: Codestreams deeper than this are read by hardly any decoder but OpenJPH.
_WIDELY_DECODED_BITS = 16
#: Largest side of the lowest resolution that HTJ2K RPCL allows (PS3.5 10.18).
_RPCL_BASE = 64


class SliceProvider:
    """Part 10 bytes of the slices of an open file. Safe for several threads; keeps no slice.

    The bytes are a function of file, frame and transfer syntax: the same on every call and in
    every process. (Deflated slices also depend on the version of zlib.)

    Parameters
    ----------
    reader : Reader
        Stays the caller's to close.
    """

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        self._lock = threading.Lock()
        self._made: Sequence[SliceHeader] | None = None
        self._converted: dict[tuple[int, bool], SliceHeader] = {}
        self._agreed: set[int] = set()
        self._inspected: dict[int, str] = {}
        self._other_bits: dict[int, bool] = {}

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

    def _header(self, index: int, *, explicit: bool) -> SliceHeader:
        """Return a header in the encoding wanted; those that need converting are kept."""
        key = (index, explicit)
        converted = self._converted.get(key)
        if converted is not None:
            return converted
        header = self._agreeing_header(index)
        if header.explicit == explicit:
            return header
        bits = self.reader.pixel_format.bits_allocated
        result = with_encoding(header, explicit=explicit, bits_allocated=bits)
        self._converted[key] = result
        return result

    def _agreeing_header(self, index: int) -> SliceHeader:
        """Return a header as it is stored, once it was found to describe its frame."""
        header = self.headers[index]
        if self.reader.headers is not None and index not in self._agreed:
            require_agreement(header, index, self.reader.pixel_format, self.reader.pixel_header)
            self._agreed.add(index)
        return header

    def original(self, index: int) -> bytes:
        """Return the source file of a slice; see `restored_file`.

        Raises
        ------
        FrameIndexError
            Out of range.
        DicomCubeError
            The frame or its header cannot be read.
        """
        number = self.reader.container.frame_number(index)
        header = self._agreeing_header(number)
        return restored_file(header, stored_bytes(self.reader.frame(number)))

    def default_syntax(self, index: int) -> str:
        """Return HTJ2K lossless, or the native syntax where `compressed` has nothing to give."""
        number = self.reader.container.frame_number(index)
        _, obstacle = self._codestream(number)
        return self.native_syntax(number) if obstacle else uids.HTJ2K_LOSSLESS

    def native_syntax(self, index: int) -> str:
        """Return the uncompressed transfer syntax that takes no conversion."""
        header = self.headers[self.reader.container.frame_number(index)]
        return uids.EXPLICIT_LE if header.explicit else uids.IMPLICIT_LE

    def compressed(self, index: int) -> bytes | None:
        """Return one slice as HTJ2K Lossless, None where that would not mean the same to all.

        That is so for codestreams deeper than 16 bits, which hardly any decoder reads, and for
        frames with data in the bits beside the pixel: readers leave those out of uncompressed
        pixels (PS3.5 8.1.1), but not of compressed ones.
        """
        number = self.reader.container.frame_number(index)
        codestream, obstacle = self._codestream(number)
        if obstacle:
            return None
        header = self._header(number, explicit=True)
        return encapsulated_instance(header, codestream, uids.HTJ2K_LOSSLESS)

    def instance(self, index: int, transfer_syntax: str | None = None) -> bytes:
        """Return one slice as a DICOM file.

        Parameters
        ----------
        index : int
            Frame; negative values count from the end.
        transfer_syntax : str, optional
            One of `OFFERED_SYNTAXES`; `default_syntax` if not given. In the source's own
            uncompressed syntax the result is the source file byte for byte.

        Raises
        ------
        FrameIndexError
            Out of range.
        TransferSyntaxError
            Not offered, or the frame does not meet its constraints.
        DicomCubeError
            The frame or its header cannot be read. Another transfer syntax is never delivered
            in place of the one asked for.
        """
        number = self.reader.container.frame_number(index)
        if transfer_syntax is None:
            data = self.compressed(number)
            return self.native(number, self.native_syntax(number)) if data is None else data
        if transfer_syntax in (uids.HTJ2K_LOSSLESS, uids.HTJ2K_LOSSLESS_RPCL):
            codestream, obstacle = self._codestream(number)
            if transfer_syntax == uids.HTJ2K_LOSSLESS_RPCL:
                obstacle = obstacle or _rpcl_obstacle(self.reader.inspect(number, codestream))
            if obstacle:
                raise TransferSyntaxError(
                    f"frame {number} cannot be delivered as {OFFERED_SYNTAXES[transfer_syntax]}: "
                    f"{obstacle}",
                    suggestion="ask for Explicit VR Little Endian",
                    details={"frame": number},
                )
            header = self._header(number, explicit=True)
            return encapsulated_instance(header, codestream, transfer_syntax)
        return self.native(number, transfer_syntax)

    def native(self, index: int, transfer_syntax: str) -> bytes:
        """Return one slice uncompressed; as `instance`, for the native transfer syntaxes."""
        number = self.reader.container.frame_number(index)
        if transfer_syntax not in OFFERED_SYNTAXES:
            raise TransferSyntaxError(
                f"slices are not delivered in transfer syntax {transfer_syntax!r}; choose one of "
                + ", ".join(f"{uid} ({name})" for uid, name in OFFERED_SYNTAXES.items())
            )
        header = self._header(number, explicit=transfer_syntax != uids.IMPLICIT_LE)
        pixels = stored_bytes(self.reader.frame(number))
        if transfer_syntax == uids.DEFLATED:
            return deflated_instance(header, pixels)
        return native_instance(header, pixels)

    def _codestream(self, number: int) -> tuple[bytes, str]:
        """Return a codestream as it is stored, and what keeps it from being delivered.

        It is never delivered unchecked: the label says what the bytes must be.
        """
        codestream = self.reader.codestream(number)
        obstacle = self._inspected.get(number)
        if obstacle is None:
            obstacle = self._obstacle(number, codestream)
            # Where a checksum shows that the bytes are the same, one inspection is enough.
            if self.reader.validated:
                self._inspected[number] = obstacle
        return codestream, obstacle

    def _obstacle(self, number: int, codestream: bytes) -> str:
        info = self.reader.inspect(number, codestream)
        if info.precision > _WIDELY_DECODED_BITS:
            return f"it is {info.precision} bits deep, which few decoders read"
        pixel_format = self.reader.pixel_format
        if not info.precision == pixel_format.bits_stored == pixel_format.high_bit + 1:
            words = self.reader.frame(number)
            if pixel_format.pixel_values(words) is not words:
                return "it has data in the bits beside the pixel"
        return ""


def _rpcl_obstacle(info: CodestreamInfo) -> str:
    """Say which of the demands of HTJ2K RPCL beyond HTJ2K is not met (PS3.5 10.18)."""
    base = -(-max(info.rows, info.columns) // (1 << info.levels))
    if info.progression != "RPCL":
        return f"its progression is {info.progression}"
    if not info.has_tlm:
        return "it has no TLM marker (convert the source with progressive=True)"
    if base > _RPCL_BASE:
        return f"its lowest resolution is {base} wide, {_RPCL_BASE} is allowed"
    return ""
