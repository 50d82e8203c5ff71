"""Frames of an open file as they are stored, once they were found to be what they are sent as."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dicube_core.codec.codestream import rpcl_obstacle
from dicube_core.codec.registry import ENCAPSULATED
from dicube_core.dataset import uids
from dicube_core.exceptions import TransferSyntaxError
from dicube_core.lazy import lazy
from dicube_core.slices._syntaxes import OFFERED_SYNTAXES

if TYPE_CHECKING:
    from dicube_core.reader import Reader

__all__ = ["DeliveredFrames"]

#: Codestreams deeper than this are read by hardly any decoder but OpenJPH.
_WIDELY_DECODED_BITS = 16
#: Names of codecs whose codestreams are HTJ2K begin so.
_HTJ2K = "htj2k"
#: Where a codestream says its depth: behind SOC, SIZ, its length and 38 bytes (T.800 A.5.1).
_SSIZ_OFFSET = 42


class DeliveredFrames:
    """Codestreams that may leave as they are, each inspected. Keeps none.

    Safe for several threads and after fork: no lock is held.
    """

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._obstacles: dict[int, str] = {}
        self._checked: set[int] = set()

    @lazy
    def kept_syntax(self) -> str:
        """Transfer syntax of frames that are kept as their source compressed them, else ''."""
        kept = self._reader.kept_encodings is not None
        if not kept or not self._reader.codec_name.startswith(ENCAPSULATED):
            return ""
        return self._reader.codec.transfer_syntax_uid

    def kept(self, number: int) -> bytes:
        """Return a frame as its source had compressed it, once it was found to be one."""
        frame = self._reader.codestream(number)
        if number not in self._checked:
            self._reader.check_frame(number, frame)
            if self._reader.validated:
                self._checked.add(number)
        return frame

    def has_obstacle(self, number: int) -> bool:
        """Tell whether it is known already that a frame cannot leave as HTJ2K."""
        return bool(self._obstacles.get(number))

    def leaves_as_stored(self, number: int) -> bool:
        """Tell whether a frame is delivered as HTJ2K, from as few of its bytes as will do.

        It may still be found damaged when it is read.
        """
        obstacle = self._obstacles.get(number)
        if obstacle is not None:
            return not obstacle
        if self._obstacle_of_all:
            return False
        fmt = self._reader.pixel_format
        if fmt.bits_stored == fmt.high_bit + 1 and fmt.bits_stored <= _WIDELY_DECODED_BITS:
            if fmt.has_whole_words:
                return True
            # SIZ comes first, and says the depth at a place of its own; see `codestream.parse`.
            place = self._reader.container.index.offsets[number] + _SSIZ_OFFSET
            depth = 0x7F & self._reader.container.source.read_at(place, 1)[0]
            if depth + 1 == fmt.bits_stored:
                return True
        return not self.codestream(number)[1]

    def codestream(self, number: int) -> tuple[bytes, str]:
        """Return a codestream as it is stored, and what keeps it from being delivered as HTJ2K.

        It is never delivered unchecked: the label says what the bytes must be.
        """
        codestream = self._reader.codestream(number)
        obstacle = self._obstacles.get(number)
        if obstacle is None:
            obstacle = self._obstacle(number, codestream)
            # Where a checksum shows that the bytes are the same, one inspection is enough.
            if self._reader.validated:
                self._obstacles[number] = obstacle
        return codestream, obstacle

    def deliverable(self, number: int, syntax: str) -> bytes:
        """Return a codestream that may be delivered in a compressed transfer syntax.

        Raises
        ------
        TransferSyntaxError
            It may not; the message says why.
        """
        codestream, obstacle = self.codestream(number)
        if syntax == uids.HTJ2K_LOSSLESS_RPCL:
            obstacle = obstacle or rpcl_obstacle(self._reader.inspect(number, codestream))
        if obstacle:
            raise TransferSyntaxError(
                f"{self._reader.name}: frame {number} cannot be delivered as "
                f"{OFFERED_SYNTAXES[syntax]}: {obstacle}",
                suggestion="ask for Explicit VR Little Endian",
                details={"frame": number},
            )
        return codestream

    @lazy
    def _obstacle_of_all(self) -> str:
        """What keeps every frame from being delivered as HTJ2K, whatever is in it."""
        reader = self._reader
        if not reader.codec_name.startswith(_HTJ2K):
            return f"it is stored with the codec {reader.codec_name!r}"
        pixel_format = reader.pixel_format
        if pixel_format.bits_allocated == 1:
            return "its pixels are single bits, which HTJ2K has not"
        if pixel_format.is_colour and pixel_format.photometric_interpretation != "RGB":
            return (
                f"it is {pixel_format.photometric_interpretation}, stored without a colour "
                "transform, which common decoders take for another colour"
            )
        return ""

    def _obstacle(self, number: int, codestream: bytes) -> str:
        if self._obstacle_of_all:
            return self._obstacle_of_all
        reader, pixel_format = self._reader, self._reader.pixel_format
        info = reader.inspect(number, codestream)
        if info.precision > _WIDELY_DECODED_BITS:
            return f"it is {info.precision} bits deep, which few decoders read"
        if not info.precision == pixel_format.bits_stored == pixel_format.high_bit + 1:
            words = reader.frame(number)
            if pixel_format.pixel_values(words) is not words:
                return "it has data in the bits beside the pixel"
        return ""
