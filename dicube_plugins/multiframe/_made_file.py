"""A DICOM file that is made while it is read: what all sorts of it have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Self

from dicube_core.error_places import errors_name
from dicube_core.lazy import lazy
from dicube_plugins.multiframe._elements import element
from dicube_plugins.multiframe._frames import WholeFile
from dicube_plugins.multiframe._stream import PartsFile

if TYPE_CHECKING:
    import io

    from dicube_core.reader import Reader
    from dicube_plugins.multiframe._frames import EncapsulatedFrames, NativeFrames

__all__ = ["MadeFile"]


class MadeFile:
    """One DICOM file of a ``.dcbs`` file, put together of parts. Safe for several threads.

    Sorts of it set the attributes, and say what stands before and behind the pixels.

    Attributes
    ----------
    reader : Reader
        The caller's to close.
    transfer_syntax : str
        UID of the transfer syntax.
    """

    #: What it is, as streams name it.
    _what: ClassVar[str]

    reader: Reader
    transfer_syntax: str
    _frames: EncapsulatedFrames | NativeFrames

    @property
    def encapsulated(self) -> bool:
        """Whether Pixel Data holds items, in an element of undefined length."""
        return self._frames.encapsulated

    @property
    def pixel_tag(self) -> int:
        """Tag of the element with the pixels: Pixel Data, or Float or Double Float Pixel Data."""
        raise NotImplementedError

    @property
    def pixel_data_vr(self) -> str:
        """VR of that element."""
        return self._frames.vr

    @property
    def n_bytes(self) -> int:
        """Length of the complete file in bytes."""
        return sum(self._whole.lengths)

    def head(self) -> bytes:
        """Return the file up to the element with the pixels.

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

    def tail(self) -> bytes:
        """Return the elements behind the pixels."""
        raise NotImplementedError

    def _parts_before_pixels(self) -> list[bytes]:
        """Return what `head` is made of, but for an offset table."""
        raise NotImplementedError

    @lazy
    def _head(self) -> bytes:
        with errors_name(self.reader.name):
            parts = self._parts_before_pixels()
        if self._frames.extended is not None:
            offsets, lengths = self._frames.extended
            parts += [element(0x7FE00001, b"OV", offsets), element(0x7FE00002, b"OV", lengths)]
        return b"".join(parts)

    @lazy
    def _whole(self) -> WholeFile:
        return WholeFile(self._head, self._frames, self.tail())

    def pixel_data(self) -> io.BufferedIOBase:
        """Return the pixels' value as a file, as pydicom takes it for a buffered element.

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
        return PartsFile(self._whole, f"{self.reader.name}: {self._what}")

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.reader.name!r}, {self.transfer_syntax}>"

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """Return itself: it does not change."""
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.reader, self.transfer_syntax)
