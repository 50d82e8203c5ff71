"""A whole series as one multi-frame DICOM file that is made while it is read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dicube_core.dataset import uids
from dicube_core.dataset.elements import PIXEL_DATA
from dicube_core.exceptions import DataConsistencyError
from dicube_plugins.multiframe._frames import EncapsulatedFrames, NativeFrames
from dicube_plugins.multiframe._head import build_head
from dicube_plugins.multiframe._kind import require_class_for
from dicube_plugins.multiframe._made_file import MadeFile
from dicube_plugins.multiframe._syntax import choose_syntax

if TYPE_CHECKING:
    from dicube_core.reader import Reader

__all__ = ["MultiFrameFile"]


class MultiFrameFile(MadeFile):
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

    _what = "multi-frame DICOM"

    def __init__(self, reader: Reader, transfer_syntax: str | None = None) -> None:
        self.reader = reader
        if not reader.frame_count:
            raise DataConsistencyError(f"{reader.name}: it has no frames to make an image of")
        require_class_for(reader.pixel_format, reader.name)
        self.transfer_syntax = choose_syntax(reader, transfer_syntax)
        if self.transfer_syntax == uids.HTJ2K_LOSSLESS:
            self._frames = EncapsulatedFrames(reader)
        else:
            self._frames = NativeFrames(reader)

    @property
    def pixel_tag(self) -> int:
        """Tag of Pixel Data."""
        return PIXEL_DATA

    def tail(self) -> bytes:
        """Return nothing: no element stands behind Pixel Data."""
        return b""

    def _parts_before_pixels(self) -> list[bytes]:
        head = build_head(self.reader, transformed=self.encapsulated)
        return [head.file_meta(self.transfer_syntax), head.dataset]
