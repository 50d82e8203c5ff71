"""Tile-parts and their lengths: SOT, SOD, EOC and TLM (ITU-T T.800 A.4, A.7.1)."""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, NamedTuple

from dicube_core.codec._segments import damage

if TYPE_CHECKING:
    from dicube_core.codec.base import Codestream
    from dicube_core.exceptions import DecodeError

__all__ = ["TilePart", "read_tile_parts", "read_tlm", "unknown_marker"]

_SOT, _SOD = 0xFF90, 0xFF93
#: Segments that decoders skip in a tile-part header: PLT, COM.
_SKIPPED_IN_TILE = frozenset((0xFF58, 0xFF64))
_REFUSED = {
    0xFF53: "COC",
    0xFF5D: "QCC",
    0xFF5E: "RGN",
    0xFF5F: "POC",
    0xFF60: "PPM",
    0xFF61: "PPT",
    0xFF72: "DFS",
    0xFF76: "NLT",
    0xFF79: "ATK",
}

_unpack_marker = Struct(">HH").unpack_from
_unpack_sot = Struct(">HHHIBB").unpack_from


class TilePart(NamedTuple):
    """Byte range of one tile-part, from its SOT marker on, and where its packets begin."""

    offset: int
    length: int
    data_offset: int


def unknown_marker(marker: int, position: int, where: str) -> DecodeError:
    """Make the error for a marker that may not stand where it does."""
    name = _REFUSED.get(marker)
    found = f"{name}, which is not supported" if name else f"{marker:04X}"
    return damage(name or "marker", position, f"a known marker in the {where}", found)


def read_tlm(segment: bytes, offset: int, index: int) -> list[int]:
    """Return the tile-part lengths of one TLM segment (T.800 A.7.1)."""
    if len(segment) < 2 or segment[0] != index or segment[1] & 0x8F or segment[1] & 0x30 == 0x30:
        raise damage("TLM", offset, f"index {index} and valid sizes", segment[:2].hex())
    index_size = segment[1] >> 4 & 3
    entry_size = index_size + (4 if segment[1] & 0x40 else 2)
    if (len(segment) - 2) % entry_size:
        raise damage("TLM", offset, f"a multiple of {entry_size} bytes", len(segment) - 2)
    lengths = []
    for start in range(2, len(segment), entry_size):
        if any(segment[start : start + index_size]):
            raise damage("TLM", offset + start, "tile 0", segment[start : start + index_size].hex())
        entry = segment[start + index_size : start + entry_size]
        lengths.append(int.from_bytes(entry, "big"))
    return lengths


def read_tile_parts(data: Codestream, size: int, position: int) -> tuple[tuple[TilePart, ...], int]:
    """Follow the tile-parts to the end marker; return them and the offset behind it (A.4.2)."""
    parts: list[TilePart] = []
    total = 0
    while position + 12 <= size:
        marker, length, tile, part_length, index, count = _unpack_sot(data, position)
        if marker != _SOT:
            break
        if length != 10 or tile != 0 or index != len(parts) or (count and index >= count):
            expected = f"length 10, tile 0, part {len(parts)} of {total or 'any'}"
            raise damage("SOT", position, expected, (length, tile, index, count))
        if count and total and count != total:
            raise damage("SOT", position, f"{total} tile-parts", count)
        total = total or count
        # Two bytes are left for the end marker, so that the loop cannot run past the data.
        if not 14 <= part_length <= size - 2 - position:
            raise damage("SOT", position, f"a length of 14 to {size - 2 - position}", part_length)
        start = _find_data(data, position + 12, position + part_length)
        parts.append(TilePart(position, part_length, start))
        position += part_length
    if bytes(data[position : position + 2]) != b"\xff\xd9":
        found = bytes(data[position : position + 2]).hex() or "the end of the data"
        raise damage("EOC", position, "FF90 or FFD9 after a tile-part", found)
    if not parts or (total and total != len(parts)):
        raise damage("EOC", position, f"{total or 'some'} tile-parts before it", len(parts))
    return tuple(parts), position + 2


def _find_data(data: Codestream, position: int, end: int) -> int:
    """Return where the packets of a tile-part begin."""
    while position + 2 <= end:
        marker = data[position] << 8 | data[position + 1]
        if marker == _SOD:
            return position + 2
        if marker not in _SKIPPED_IN_TILE:
            raise unknown_marker(marker, position, "tile-part header")
        if position + 4 > end:
            break
        length = _unpack_marker(data, position)[1]
        if length < 2:
            raise damage(f"{marker:04X}", position, "a length of at least 2", length)
        position += 2 + length
    raise damage("SOD", position, "FF93 before the end of the tile-part", "none")
