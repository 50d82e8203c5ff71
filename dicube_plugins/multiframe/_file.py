"""A whole series as one multi-frame DICOM file that is made while it is read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dicube_core.dataset import uids
from dicube_core.dataset.elements import PIXEL_DATA
from dicube_core.exceptions import DataConsistencyError
from dicube_core.lazy import lazy
from dicube_plugins.multiframe._elements import element
from dicube_plugins.multiframe._frames import EncapsulatedFrames, NativeFrames, WholeFile
from dicube_plugins.multiframe._head import build_head
from dicube_plugins.multiframe._kind import require_class_for
from dicube_plugins.multiframe._stream import PartsFile
from dicube_plugins.multiframe._syntax import choose_syntax

if TYPE_CHECKING:
    import io

    from dicube_core.reader import Reader

__all__ = ["MultiFrameFile"]


class MultiFrameFile:
    """One ``.dcbs`` series as a multi-frame DICOM file (PS3.10 section 7), without writing it.

    Legacy Converted Enhanced CT, MR or PET for series of these three that have a place in space,
    else Multi-frame Grayscale or True Color Secondary Capture; ``docs/multiframe.md`` says which
    element goes where. The same file gives the same bytes. Frames are read, and compared with
    their checksums, when the bytes they stand in are read. Safe for several threads; pickles with
    its reader.

    Parameters
    ----------
    reader : Reader
        Stays the caller's to close, and has to be open while frames are read.
    transfer_syntax : str, optional
        UID of HTJ2K Lossless, which hands on the codestreams untouched, or of Explicit VR Little
        Endian. By default HTJ2K where every frame may be delivered so, else the other.

    Attributes
    ----------
    transfer_syntax : str
        UID of the transfer syntax.

    Raises
    ------
    TransferSyntaxError
        Not offered, or a frame cannot be delivered so.
    DataConsistencyError
        The file has no frames.
    UnsupportedKindError
        No class of multi-frame images takes these frames.
    """

    def __init__(self, reader: Reader, transfer_syntax: str | None = None) -> None:
        self.reader = reader
        if not reader.frame_count:
            raise DataConsistencyError(f"{reader.name}: it has no frames to make an image of")
        require_class_for(reader.pixel_format, reader.name)
        self.transfer_syntax = choose_syntax(reader, transfer_syntax)
        self._frames: EncapsulatedFrames | NativeFrames
        if self.transfer_syntax == uids.HTJ2K_LOSSLESS:
            self._frames = EncapsulatedFrames(reader)
        else:
            self._frames = NativeFrames(reader)

    @property
    def encapsulated(self) -> bool:
        """Whether Pixel Data holds items, in an element of undefined length."""
        return self._frames.encapsulated

    @property
    def pixel_data_vr(self) -> str:
        """VR of Pixel Data: "OB" or "OW"."""
        return self._frames.vr

    @property
    def n_bytes(self) -> int:
        """Length of the complete file in bytes."""
        return sum(self._whole.lengths)

    @property
    def pixel_tag(self) -> int:
        """Tag of Pixel Data."""
        return PIXEL_DATA

    def tail(self) -> bytes:
        """Return nothing: no element stands behind Pixel Data."""
        return b""

    def head(self) -> bytes:
        """Return the file up to the Pixel Data element, which is the last one.

        Returns
        -------
        bytes
            Preamble, file meta information and data set.

        Raises
        ------
        MetaDataError
            The file has no DICOM metadata, or a header is not a data set.
        DataConsistencyError
            A header describes other frames than the file has.
        UnsupportedKindError
            No class of multi-frame images takes these frames (32 bits, differing Modality LUTs).
        """
        return self._head

    @lazy
    def _head(self) -> bytes:
        head = build_head(self.reader, transformed=self.encapsulated)
        parts = [head.file_meta(self.transfer_syntax), head.dataset]
        if self._frames.extended is not None:
            offsets, lengths = self._frames.extended
            parts += [element(0x7FE00001, b"OV", offsets), element(0x7FE00002, b"OV", lengths)]
        return b"".join(parts)

    @lazy
    def _whole(self) -> WholeFile:
        return WholeFile(self._head, self._frames)

    def pixel_data(self) -> io.BufferedIOBase:
        """Return the value of Pixel Data as a file, as pydicom takes it for a buffered element.

        Returns
        -------
        io.BufferedIOBase
            Uncompressed frames, or the Basic Offset Table and one item per frame. The Sequence
            Delimitation Item, which pydicom writes itself, is not in it. Each thread has its own
            position. Reading raises `DicomCubeError` for damaged frames, naming the frame.
        """
        return PartsFile(self._frames, f"{self.reader.name}: Pixel Data")

    def open(self) -> io.BufferedIOBase:
        """Return the complete file, to be read; see `pixel_data`."""
        return PartsFile(self._whole, f"{self.reader.name}: multi-frame DICOM")

    def __repr__(self) -> str:
        return f"<MultiFrameFile {self.reader.name!r}, {self.transfer_syntax}>"

    def __deepcopy__(self, memo: dict[int, Any]) -> MultiFrameFile:
        """Return itself: it does not change."""
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return MultiFrameFile, (self.reader, self.transfer_syntax)
