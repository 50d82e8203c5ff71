"""In which transfer syntax the frames of a file may be delivered together."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from dicube_core.dataset import uids
from dicube_core.exceptions import DecodeError, TransferSyntaxError
from dicube_core.slices import SliceProvider

if TYPE_CHECKING:
    from dicube_core.reader import Reader

__all__ = ["choose_syntax"]

#: SOC and the marker of SIZ, with which a codestream begins, and where SIZ has the depth.
_START = b"\xff\x4f\xff\x51"
_DEPTH = 42


def choose_syntax(reader: Reader, asked: str | None) -> str:
    """Return the transfer syntax to deliver all frames in.

    Parameters
    ----------
    reader : Reader
        The file. The first bytes of each codestream are read; frames are, too, where these leave
        it open whether they may be delivered as HTJ2K (see `SliceProvider.compressed`).
    asked : str or None
        HTJ2K Lossless or Explicit VR Little Endian; None for the first that is possible.

    Raises
    ------
    TransferSyntaxError
        Another one was asked for, or HTJ2K and a frame cannot be delivered so.
    """
    if asked == uids.EXPLICIT_LE:
        return asked
    if asked not in (None, uids.HTJ2K_LOSSLESS):
        raise TransferSyntaxError(
            f"{reader.name}: a multi-frame image is not delivered in transfer syntax {asked!r}",
            suggestion=f"choose {uids.HTJ2K_LOSSLESS} (HTJ2K Lossless) or {uids.EXPLICIT_LE} "
            "(Explicit VR Little Endian)",
        )
    obstacle = _first_obstacle(reader)
    if obstacle is None:
        return uids.HTJ2K_LOSSLESS
    if asked is not None:
        raise TransferSyntaxError(
            f"{reader.name}: frame {obstacle} cannot be delivered as HTJ2K Lossless: "
            f"{_why(reader)}",
            suggestion="ask for Explicit VR Little Endian",
            details={"path": reader.name, "frame": obstacle},
        )
    return uids.EXPLICIT_LE


def _first_obstacle(reader: Reader) -> int | None:
    """Return the first frame that has no HTJ2K form, None if all have one."""
    pixel_format = reader.pixel_format
    depth = pixel_format.bits_stored
    plain_kind = not pixel_format.is_colour and pixel_format.bits_allocated > 1
    stored_so = reader.codec_name.startswith("htj2k") and plain_kind
    whole = stored_so and depth == pixel_format.high_bit + 1 and depth <= 16
    provider = SliceProvider(reader)
    index, source = reader.container.index, reader.container.source
    for number, (offset, length) in enumerate(zip(index.offsets, index.lengths, strict=True)):
        start = source.read_at(offset, min(length, _DEPTH + 1)) if whole else b""
        plain = len(start) > _DEPTH and start.startswith(_START)
        if plain and (start[_DEPTH] & 0x7F) + 1 == depth:
            continue  # what is delivered in the end is inspected as a whole, see `Frames`
        # A damaged frame is an error when it is read; the others may be whole.
        with contextlib.suppress(DecodeError):
            if provider.default_syntax(number) != uids.HTJ2K_LOSSLESS:
                return number
    return None


def _why(reader: Reader) -> str:
    """Return what keeps frames from being delivered as HTJ2K."""
    pixel_format = reader.pixel_format
    if not reader.codec_name.startswith("htj2k"):
        return f"it is stored with the codec {reader.codec_name!r}"
    if pixel_format.bits_allocated == 1:
        return "its pixels are single bits, which HTJ2K has not"
    if pixel_format.is_colour and pixel_format.photometric_interpretation != "RGB":
        return (
            f"it is {pixel_format.photometric_interpretation}, stored without a colour transform, "
            "which common decoders take for another colour"
        )
    return "it is deeper than 16 bits, or has data in the bits beside the pixel"
