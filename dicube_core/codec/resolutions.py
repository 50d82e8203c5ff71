"""The beginning of a codestream that a lower resolution needs, as a codestream of its own.

Where the packets of a resolution make a tile-part of their own, lowest first, and the main header
lists the lengths of these (TLM), a lower resolution is a prefix of the codestream. For decoders,
the packets that are left out are put in as empty ones (ITU-T T.800 B.10.3): that is a complete,
legal codestream, whose lower resolutions are those of the whole one.
"""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING

from dicube_core.codec._reduced import can_be_reduced
from dicube_core.codec._segments import damage
from dicube_core.codec.codestream import main_header, parse
from dicube_core.exceptions import DicomCubeError

if TYPE_CHECKING:
    from dicube_core.codec.base import FrameCodec
    from dicube_core.codec.codestream import MainHeader
    from dicube_core.pixels import PixelFormat

__all__ = ["completed", "levels_of", "proven_ends", "resolution_ends"]

_TLM, _SOT = 0xFF55, 0xFF90
_tile_part = Struct(">HHHIBBH").pack
_unpack_marker = Struct(">HH").unpack_from
#: Markers around packets (T.800 table A.13): an empty packet would need them, too.
_SOP_AND_EPH = 6
#: Most empty packets that are made: codestreams of ours have one per resolution and component.
_MOST_EMPTY = 1 << 16


def resolution_ends(codestream: bytes) -> tuple[int, ...]:
    """Return how many bytes are needed for one halving of the resolution, two, and so on.

    Returns
    -------
    tuple of int
        Empty where the structure does not tell. That the tile-parts are resolutions is shown by
        decoding alone, see `proven_ends`.

    Raises
    ------
    DecodeError
        It is not a codestream.
    """
    info = parse(codestream)
    parts = info.tile_parts
    if not info.has_tlm or info.progression != "RPCL" or len(parts) != info.levels + 1:
        return ()
    if codestream[info.coding.cod_offset] & _SOP_AND_EPH:
        return ()
    if sum(info.coding.packets[1:]) > _MOST_EMPTY:
        return ()
    # One tile-part less for each halving.
    return tuple(part.offset for part in reversed(parts[1:]))


def levels_of(prefix: bytes) -> int:
    """Return how often the resolution can be halved of the codestream that begins so.

    Raises
    ------
    DecodeError
        It is not the beginning of a codestream.
    """
    return main_header(prefix).coding.levels


def completed(prefix: bytes, level: int, length: int, pixel_format: PixelFormat) -> bytes | None:
    """Return a complete codestream that decodes, at `level`, to what the whole one does.

    None where the lower resolution is made of the full one, as that of indices of a palette is.

    Parameters
    ----------
    prefix : bytes
        What the codestream begins with, as far as `level` needs it.
    level : int
        How often the resolution is halved.
    length : int
        Of the whole codestream.
    pixel_format : PixelFormat
        Of the frame.

    Raises
    ------
    DecodeError
        The prefix does not end where its own list of tile-parts says that the resolution ends.
    """
    header = main_header(prefix)
    coding, lengths = header.coding, header.tile_part_lengths
    if not can_be_reduced(coding, pixel_format):
        return None
    if lengths is None or len(lengths) != coding.levels + 1 or not 1 <= level <= coding.levels:
        found = "none" if lengths is None else len(lengths)
        raise damage("TLM", header.stop, f"{coding.levels + 1} tile-parts, a level below", found)
    kept = len(lengths) - level
    if header.stop + sum(lengths) + 2 != length:
        raise damage("TLM", header.stop, f"tile-parts to byte {length - 2}", sum(lengths))
    if header.stop + sum(lengths[:kept]) != len(prefix):
        expected = header.stop + sum(lengths[:kept])
        raise damage("TLM", header.stop, f"{kept} tile-parts to byte {expected}", len(prefix))
    packets = coding.packets[kept:]
    if sum(packets) > _MOST_EMPTY or prefix[coding.cod_offset] & _SOP_AND_EPH:
        raise damage("COD", coding.cod_offset, f"at most {_MOST_EMPTY} plain packets", sum(packets))
    empty = (
        _tile_part(_SOT, 10, 0, 14 + count, kept + number, len(lengths), 0xFF93) + bytes(count)
        for number, count in enumerate(packets)
    )
    head = _without_tlm(prefix, header)
    return b"".join((head, prefix[header.stop :], *empty, b"\xff\xd9"))


def _without_tlm(prefix: bytes, header: MainHeader) -> bytes:
    """Return the main header without the lengths of tile-parts, which are others now."""
    kept, position = [prefix[:2]], 2
    while position < header.stop:
        marker, size = _unpack_marker(prefix, position)
        if marker != _TLM:
            kept.append(prefix[position : position + 2 + size])
        position += 2 + size
    return b"".join(kept)


def proven_ends(codestream: bytes, codec: FrameCodec, pixel_format: PixelFormat) -> tuple[int, ...]:
    """Return `resolution_ends` where each was shown, by decoding, to give its resolution; else ().

    The codestream itself must have been found to decode.
    """
    import numpy as np

    try:
        ends = resolution_ends(codestream)
        for level, end in enumerate(ends, 1):
            part = completed(codestream[:end], level, len(codestream), pixel_format)
            if part is None:
                return ()
            found = codec.decode(part, pixel_format, level=level)
            wanted = codec.decode(codestream, pixel_format, level=level)
            if found.dtype != wanted.dtype or not np.array_equal(found, wanted):
                return ()
    except DicomCubeError:
        return ()
    return ends
