"""Slices of an open file as DICOM instances, whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dicube_core.dataset import uids
from dicube_core.dicom.instance import (
    deflated_instance,
    encapsulated_instance,
    encapsulated_parts,
    native_instance,
    restored_file,
)
from dicube_core.lazy import lazy
from dicube_core.slices._frames import DeliveredFrames
from dicube_core.slices._headers import DeliveredHeaders
from dicube_core.slices._syntaxes import COMPRESSED, OFFERED_SYNTAXES, not_offered

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dicube_core.dicom.headers import SliceHeader
    from dicube_core.instances import WholeInstances
    from dicube_core.reader import Reader

__all__ = ["SliceProvider"]


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
        self._headers = DeliveredHeaders(reader)
        self._frames = DeliveredFrames(reader)

    @property
    def headers(self) -> Sequence[SliceHeader]:
        """Headers of the slices: the originals, or made once from the merged metadata.

        Raises
        ------
        MetaDataError
            The file has no DICOM metadata.
        """
        return self._headers.all

    @lazy
    def kept_syntax(self) -> str:
        """Transfer syntax of frames that are kept as their source compressed them, else ''."""
        return self._frames.kept_syntax

    def native_syntax(self, index: int) -> str:
        """Return the uncompressed transfer syntax that takes no conversion."""
        return self._headers.native_syntax(self.reader.container.frame_number(index))

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
        header = self._headers.agreeing(number)
        if self.kept_syntax:
            return self._as_encoded(number)
        return restored_file(header, self._pixels(number))

    def _as_encoded(self, number: int) -> bytes:
        """Return one slice with its frame as the source had compressed it."""
        kept = self.reader.kept_encodings or ()
        frame_map = self.reader.frame_map
        header, frame = self._headers.agreeing(number), self._frames.kept(number)
        if frame_map is None:
            return b"".join(kept[number].restored(header, [frame]))
        header = kept[frame_map.instance(number)].header(header)
        return encapsulated_instance(encapsulated_parts(header, self.kept_syntax), frame)

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
            frames = map(self._frames.kept, whole.frame_map.frames_of(number))
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
            raise not_offered(transfer_syntax)
        if transfer_syntax not in COMPRESSED:
            return b"".join(whole.native(number, transfer_syntax))
        frames = whole.frame_map.frames_of(number)
        codestreams = [self._frames.deliverable(frame, transfer_syntax) for frame in frames]
        return b"".join(whole.encapsulated(number, transfer_syntax, codestreams))

    def default_syntax(self, index: int) -> str:
        """Return the transfer syntax of `encoded`, or the native one where that gives nothing."""
        number = self.reader.container.frame_number(index)
        if self.kept_syntax:
            return self.kept_syntax
        _, obstacle = self._frames.codestream(number)
        return self.native_syntax(number) if obstacle else uids.HTJ2K_LOSSLESS

    def _pixels(self, number: int) -> memoryview:
        from dicube_core.dicom.stored_values import stored_bytes

        return stored_bytes(self.reader.frame(number), self.reader.pixel_format)

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
        if self._frames.has_obstacle(number):
            return None
        codestream, obstacle = self._frames.codestream(number)
        if obstacle:
            return None
        return encapsulated_instance(self._headers.around(number, uids.HTJ2K_LOSSLESS), codestream)

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
        if transfer_syntax not in COMPRESSED:
            return self.native(number, transfer_syntax)
        codestream = self._frames.deliverable(number, transfer_syntax)
        return encapsulated_instance(self._headers.around(number, transfer_syntax), codestream)

    def size(self, index: int, transfer_syntax: str | None = None) -> int:
        """Return how many bytes `instance` has. Of most frames, no more than a byte is read.

        Raises
        ------
        DicomCubeError
            As `instance`, where that is found out without reading the frame.
        """
        number = self.reader.container.frame_number(index)
        as_stored = not self.kept_syntax and self._frames.leaves_as_stored(number)
        syntax = transfer_syntax
        if syntax is None and not self.kept_syntax:
            syntax = uids.HTJ2K_LOSSLESS if as_stored else self.native_syntax(number)
        if syntax == uids.HTJ2K_LOSSLESS and as_stored:
            length = self.reader.container.index.lengths[number]
            around = encapsulated_instance(self._headers.around(number, syntax), b"")
            return len(around) + length + length % 2
        if syntax in (uids.EXPLICIT_LE, uids.IMPLICIT_LE):
            header = self._headers.encoded(number, explicit=syntax == uids.EXPLICIT_LE)
            return len(native_instance(header, b"")) + self.reader.pixel_format.native_length
        return len(self.instance(number, syntax))

    def native(self, index: int, transfer_syntax: str) -> bytes:
        """Return one slice uncompressed; as `instance`, for the native transfer syntaxes."""
        number = self.reader.container.frame_number(index)
        if transfer_syntax not in OFFERED_SYNTAXES or transfer_syntax in COMPRESSED:
            raise not_offered(transfer_syntax)
        header = self._headers.encoded(number, explicit=transfer_syntax != uids.IMPLICIT_LE)
        pixels = self._pixels(number)
        if transfer_syntax == uids.DEFLATED:
            return deflated_instance(header, pixels)
        return native_instance(header, pixels)
