"""The one source instance of a file, as it was, made while it is read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dicube_core.dataset import uids
from dicube_core.dataset.elements import PIXEL_DATA
from dicube_core.dicom.agreement import require_agreement
from dicube_core.dicom.colour import relabelled
from dicube_core.dicom.file_meta import PREAMBLE, file_meta_for
from dicube_core.dicom.instance import with_encoding
from dicube_core.exceptions import UnsupportedKindError
from dicube_core.lazy import lazy
from dicube_core.slices import SliceProvider
from dicube_plugins.multiframe._frames import EncapsulatedFrames, NativeFrames
from dicube_plugins.multiframe._made_file import MadeFile
from dicube_plugins.multiframe._syntax import choose_syntax

if TYPE_CHECKING:
    from dicube_core.dicom.headers import SliceHeader
    from dicube_core.reader import Reader

__all__ = ["InstanceFile", "is_one_instance"]


def is_one_instance(reader: Reader) -> bool:
    """Tell whether a file is given as the instance it was made of, and not as one made of slices.

    That is so for one instance of several frames, and for one frame of a kind of which no
    multi-frame image is made.
    """
    frame_map = reader.frame_map
    if frame_map is not None:
        return frame_map.n_instances == 1 and reader.instance_headers is not None
    fmt = reader.pixel_format
    return reader.frame_count == 1 and (
        fmt.bits_allocated not in (8, 16)
        or fmt.real
        or fmt.is_colour
        or not fmt.photometric_interpretation.startswith("MONOCHROME")
    )


class InstanceFile(MadeFile):
    """The one source instance of a ``.dcbs`` file as a DICOM file, without writing it.

    Its data set is the source's, element by element, in Explicit VR Little Endian.
    Safe for several threads; pickles with its reader.

    Parameters
    ----------
    reader : Reader
        Stays the caller's to close, and has to be open while frames are read.
    transfer_syntax : str, optional
        As for `MultiFrameFile`.

    Attributes
    ----------
    transfer_syntax : str
        UID of the transfer syntax.

    Raises
    ------
    UnsupportedKindError
        The file holds several instances.
    TransferSyntaxError
        Not offered, or a frame cannot be delivered so.
    """

    _what = "DICOM instance"

    def __init__(self, reader: Reader, transfer_syntax: str | None = None) -> None:
        self.reader = reader
        frame_map = reader.frame_map
        n_instances = reader.frame_count if frame_map is None else frame_map.n_instances
        if n_instances != 1:
            raise UnsupportedKindError(
                f"{reader.name}: it holds {n_instances} instances, not one",
                suggestion="read its frames one by one, with frame=i",
            )
        self.transfer_syntax = choose_syntax(reader, transfer_syntax)
        order = (0,) if frame_map is None else frame_map.frames_of(0)
        if self.transfer_syntax == uids.HTJ2K_LOSSLESS:
            self._frames = EncapsulatedFrames(reader, order=order)
        else:
            header = self._header
            self._frames = NativeFrames(
                reader,
                order=order,
                pixel_header=header.pixel_header,
                padding=header.padding,
                as_header_says=True,
            )

    @lazy
    def _header(self) -> SliceHeader:
        """The instance's header, once it was found to describe its frames."""
        reader = self.reader
        provider = SliceProvider(reader)
        if provider.instances is not None:
            header = provider.instances.header(0)
        else:
            header = provider.headers[0]
            if reader.headers is not None:
                require_agreement(header, 0, reader.pixel_format, reader.pixel_header)
        bits = reader.pixel_format.bits_allocated
        return with_encoding(header, explicit=True, bits_allocated=bits)

    @property
    def pixel_tag(self) -> int:
        """Tag of the element with the pixels: Pixel Data, or Float or Double Float Pixel Data."""
        return PIXEL_DATA if self.encapsulated else self._header.pixel_tag

    def tail(self) -> bytes:
        """Return the elements behind it."""
        return self._header.whole_tail

    def _parts_before_pixels(self) -> list[bytes]:
        header = self._header
        if self.encapsulated and self.reader.pixel_format.is_colour:
            # What decoders take the reversible transform for (PS3.5 8.2.4).
            header = relabelled(header, "YBR_RCT", 0)
        return [PREAMBLE, file_meta_for(header, self.transfer_syntax), header.head]
