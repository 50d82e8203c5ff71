"""Slices of an open file as DICOM instances, in the transfer syntax asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dicube_core.codec.codestream import rpcl_obstacle
from dicube_core.codec.registry import ENCAPSULATED
from dicube_core.dataset import uids
from dicube_core.dicom.agreement import require_agreement
from dicube_core.dicom.colour import relabelled
from dicube_core.dicom.instance import (
    deflated_instance,
    encapsulated_instance,
    encapsulated_parts,
    native_instance,
    restored_file,
    with_encoding,
)
from dicube_core.exceptions import MetaDataError, TransferSyntaxError, errors_name
from dicube_core.lazy import lazy

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dicube_core.dicom.headers import SliceHeader
    from dicube_core.dicom.legacy import MadeHeaders
    from dicube_core.instances import WholeInstances
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
#: Names of codecs whose codestreams are HTJ2K begin so.
_HTJ2K = "htj2k"
_COMPRESSED = (uids.HTJ2K_LOSSLESS, uids.HTJ2K_LOSSLESS_RPCL)
#: Bytes of headers to keep in the form in which they are joined with a codestream. Making them
#: takes as long as all the rest.
_PARTS_BYTES = 2 << 20


class SliceProvider:
    """Part 10 bytes of the slices of an open file. Keeps no slice.

    Safe for several threads and after fork: no lock is held.

    The bytes are a function of file, frame and transfer syntax: the same on every call and in
    every process. (Deflated slices also depend on the version of zlib.)

    Parameters
    ----------
    reader : Reader
        Stays the caller's to close.
    """

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        self._converted: dict[tuple[int, bool], SliceHeader] = {}
        self._agreed: set[int] = set()
        self._native: dict[int, str] = {}
        self._obstacles: dict[int, str] = {}
        self._checked: set[int] = set()
        self._parts: dict[tuple[int, str], tuple[bytes, bytes]] = {}
        self._parts_bytes = 0

    @property
    def headers(self) -> Sequence[SliceHeader]:
        """Headers of the slices: the originals, or made once from the merged metadata.

        Raises
        ------
        MetaDataError
            The file has no DICOM metadata.
        """
        stored = self.reader.headers
        return self._made if stored is None else stored

    @lazy
    def _made(self) -> MadeHeaders:
        from dicube_core.dicom.legacy import MadeHeaders

        meta = self.reader.dicom_meta
        if meta is None:
            raise MetaDataError(
                f"{self.reader.name}: the file has no DICOM metadata",
                suggestion="load it, call init_meta on the image, and save it again",
            )
        return MadeHeaders(meta, self.reader.pixel_format, self.reader.name)

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
            with errors_name(self.reader.name):
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
        if self.kept_syntax:
            return self._as_encoded(number)
        return restored_file(header, self._pixels(number))

    @lazy
    def kept_syntax(self) -> str:
        """Transfer syntax of frames that are kept as their source compressed them, else ''."""
        kept = self.reader.kept_encodings is not None
        if not kept or not self.reader.codec_name.startswith(ENCAPSULATED):
            return ""
        return self.reader.codec.transfer_syntax_uid

    def _as_encoded(self, number: int) -> bytes:
        """Return one slice with its frame as the source had compressed it."""
        kept = self.reader.kept_encodings or ()
        frame_map = self.reader.frame_map
        header, frame = self._agreeing_header(number), self._kept_frame(number)
        if frame_map is None:
            return b"".join(kept[number].restored(header, [frame]))
        header = kept[frame_map.instance(number)].header(header)
        return encapsulated_instance(encapsulated_parts(header, self.kept_syntax), frame)

    def _kept_frame(self, number: int) -> bytes:
        """Return a frame as its source had compressed it, once it was found to be one."""
        frame = self.reader.codestream(number)
        if number not in self._checked:
            self.reader.check_frame(number, frame)
            if self.reader.validated:
                self._checked.add(number)
        return frame

    @lazy
    def instances(self) -> WholeInstances | None:
        """The source instances, None where each has one frame and `original` gives them."""
        headers, frame_map = self.reader.instance_headers, self.reader.frame_map
        if headers is None or frame_map is None:
            return None
        from dicube_core.instances import WholeInstances

        reader = self.reader
        return WholeInstances(headers, frame_map, reader.pixel_format, reader.frame)

    @property
    def instance_count(self) -> int:
        """Number of source instances."""
        whole = self.instances
        return self.reader.frame_count if whole is None else len(whole)

    def original_instance(self, index: int) -> bytes:
        """Return a source instance with all its frames; see `restored_file`.

        Parameters
        ----------
        index : int
            Instance, in the order of `Reader.instance_headers`; negative values count from the
            end.

        Raises
        ------
        FrameIndexError
            Out of range.
        DicomCubeError
            A frame or the header cannot be read.
        """
        whole = self.instances
        if whole is None:
            return self.original(index)
        number = whole.number(index)
        kept = self.reader.kept_encodings
        if kept is not None:
            frames = map(self._kept_frame, whole.frame_map.frames_of(number))
            return b"".join(kept[number].restored(whole.header(number), frames))
        return b"".join(whole.restored(number))

    def whole_instance(self, index: int, transfer_syntax: str = uids.EXPLICIT_LE) -> bytes:
        """Return a source instance with all its frames, in a transfer syntax that is offered.

        Parameters
        ----------
        index : int
            As in `original_instance`.
        transfer_syntax : str
            One of `OFFERED_SYNTAXES`. HTJ2K has one fragment per frame, and a Basic Offset Table.

        Raises
        ------
        FrameIndexError
            Out of range.
        TransferSyntaxError
            Not offered, or a frame does not meet its constraints.
        DicomCubeError
            A frame or the header cannot be read.
        """
        whole = self.instances
        if whole is None:
            return self.instance(index, transfer_syntax)
        number = whole.number(index)
        if self.kept_syntax and transfer_syntax == self.kept_syntax:
            return self.original_instance(number)
        if transfer_syntax not in OFFERED_SYNTAXES:
            raise self._not_offered(transfer_syntax)
        if transfer_syntax not in _COMPRESSED:
            return b"".join(whole.native(number, transfer_syntax))
        frames = whole.frame_map.frames_of(number)
        codestreams = [self._deliverable(frame, transfer_syntax) for frame in frames]
        return b"".join(whole.encapsulated(number, transfer_syntax, codestreams))

    def default_syntax(self, index: int) -> str:
        """Return the transfer syntax of `encoded`, or the native one where that gives nothing."""
        number = self.reader.container.frame_number(index)
        if self.kept_syntax:
            return self.kept_syntax
        _, obstacle = self._codestream(number)
        return self.native_syntax(number) if obstacle else uids.HTJ2K_LOSSLESS

    def _pixels(self, number: int) -> memoryview:
        from dicube_core.dicom.stored_values import stored_bytes

        return stored_bytes(self.reader.frame(number), self.reader.pixel_format)

    def native_syntax(self, index: int) -> str:
        """Return the uncompressed transfer syntax that takes no conversion."""
        number = self.reader.container.frame_number(index)
        syntax = self._native.get(number)
        if syntax is None:
            syntax = uids.EXPLICIT_LE if self.headers[number].explicit else uids.IMPLICIT_LE
            self._native[number] = syntax
        return syntax

    def encoded(self, index: int) -> bytes | None:
        """Return one slice in the form in which its frame is stored.

        That is the source's own transfer syntax where its frames are kept as they were, else
        `compressed`.
        """
        if self.kept_syntax:
            return self._as_encoded(self.reader.container.frame_number(index))
        return self.compressed(index)

    def compressed(self, index: int) -> bytes | None:
        """Return one slice as HTJ2K Lossless, None where that would not mean the same to all.

        That is so for codestreams deeper than 16 bits, which hardly any decoder reads, and for
        frames with data in the bits beside the pixel: readers leave those out of uncompressed
        pixels (PS3.5 8.1.1), but not of compressed ones.
        """
        number = self.reader.container.frame_number(index)
        if self._obstacles.get(number):
            return None
        codestream, obstacle = self._codestream(number)
        return None if obstacle else self._enclosed(number, codestream, uids.HTJ2K_LOSSLESS)

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
            data = self.encoded(number)
            return self.native(number, self.native_syntax(number)) if data is None else data
        if transfer_syntax == self.kept_syntax:
            return self._as_encoded(number)
        if transfer_syntax not in _COMPRESSED:
            return self.native(number, transfer_syntax)
        return self._enclosed(number, self._deliverable(number, transfer_syntax), transfer_syntax)

    def _deliverable(self, number: int, syntax: str) -> bytes:
        """Return a codestream that may be delivered in a compressed transfer syntax."""
        codestream, obstacle = self._codestream(number)
        if syntax == uids.HTJ2K_LOSSLESS_RPCL:
            obstacle = obstacle or rpcl_obstacle(self.reader.inspect(number, codestream))
        if obstacle:
            raise TransferSyntaxError(
                f"{self.reader.name}: frame {number} cannot be delivered as "
                f"{OFFERED_SYNTAXES[syntax]}: {obstacle}",
                suggestion="ask for Explicit VR Little Endian",
                details={"frame": number},
            )
        return codestream

    def _enclosed(self, number: int, codestream: bytes, syntax: str) -> bytes:
        key = (number, syntax)
        parts = self._parts.get(key)
        if parts is None:
            header = self._header(number, explicit=True)
            if self.reader.pixel_format.is_colour:
                # RGB through the reversible transform is what decoders take for such a codestream
                # (PS3.5 8.2.4); nothing else of the description changes.
                header = relabelled(header, "YBR_RCT", 0)
            parts = encapsulated_parts(header, syntax)
            size = len(parts[0]) + len(parts[1])
            # Counted once, whichever thread was first; two at once may go a little over.
            room = self._parts_bytes + size <= _PARTS_BYTES
            if room and self._parts.setdefault(key, parts) is parts:
                self._parts_bytes += size
        return encapsulated_instance(parts, codestream)

    def native(self, index: int, transfer_syntax: str) -> bytes:
        """Return one slice uncompressed; as `instance`, for the native transfer syntaxes."""
        number = self.reader.container.frame_number(index)
        if transfer_syntax not in OFFERED_SYNTAXES or transfer_syntax in _COMPRESSED:
            raise self._not_offered(transfer_syntax)
        header = self._header(number, explicit=transfer_syntax != uids.IMPLICIT_LE)
        pixels = self._pixels(number)
        if transfer_syntax == uids.DEFLATED:
            return deflated_instance(header, pixels)
        return native_instance(header, pixels)

    @staticmethod
    def _not_offered(syntax: str) -> TransferSyntaxError:
        return TransferSyntaxError(
            f"slices are not delivered in transfer syntax {syntax!r}; choose one of "
            + ", ".join(f"{uid} ({name})" for uid, name in OFFERED_SYNTAXES.items())
        )

    def _codestream(self, number: int) -> tuple[bytes, str]:
        """Return a codestream as it is stored, and what keeps it from being delivered.

        It is never delivered unchecked: the label says what the bytes must be.
        """
        codestream = self.reader.codestream(number)
        obstacle = self._obstacles.get(number)
        if obstacle is None:
            obstacle = self._obstacle(number, codestream)
            # Where a checksum shows that the bytes are the same, one inspection is enough.
            if self.reader.validated:
                self._obstacles[number] = obstacle
        return codestream, obstacle

    def _obstacle(self, number: int, codestream: bytes) -> str:
        if not self.reader.codec_name.startswith(_HTJ2K):
            return f"it is stored with the codec {self.reader.codec_name!r}"
        pixel_format = self.reader.pixel_format
        if pixel_format.bits_allocated == 1:
            return "its pixels are single bits, which HTJ2K has not"
        if pixel_format.is_colour and pixel_format.photometric_interpretation != "RGB":
            return (
                f"it is {pixel_format.photometric_interpretation}, stored without a colour "
                "transform, which common decoders take for another colour"
            )
        info = self.reader.inspect(number, codestream)
        if info.precision > _WIDELY_DECODED_BITS:
            return f"it is {info.precision} bits deep, which few decoders read"
        if not info.precision == pixel_format.bits_stored == pixel_format.high_bit + 1:
            words = self.reader.frame(number)
            if pixel_format.pixel_values(words) is not words:
                return "it has data in the bits beside the pixel"
        return ""
