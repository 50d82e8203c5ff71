"""Main header and tile-parts of any JPEG 2000 codestream (ITU-T T.800 annex A).

More is let through than `dicube_core.codec.codestream` does for the package's own frames: several
tiles, layers, quantisation, all of it bounded by what the codestream has bytes for.
"""

from __future__ import annotations

from struct import Struct
from typing import NamedTuple

from dicube_core.codec._frame_damage import frame_damage

__all__ = ["Jpeg2000Frame", "read_jpeg2000"]

_SIZ, _COD, _COC, _QCD, _SOT, _SOD = 0xFF51, 0xFF52, 0xFF53, 0xFF5C, 0xFF90, 0xFF93
_LEVELS_IN_COD = 5
#: Packet headers away from their packets: then packets may be empty, and nothing bounds them.
_PACKED_HEADERS = frozenset((0xFF60, 0xFF61))
_SIZ_FIELDS = Struct(">HIIIIIIIIH")
_SOT_FIELDS = Struct(">HIBB")
_marker_and_length = Struct(">HH").unpack_from
_MOST_LEVELS = 32
_BOX = Struct(">I4s")
_JP2_SIGNATURE = b"\0\0\0\x0cjP  \r\n\x87\n"


class Jpeg2000Frame(NamedTuple):
    """Where SIZ is, and what it says."""

    offset: int
    rows: int
    columns: int
    components: int
    precision: int


class _Grid(NamedTuple):
    """Size of the image and of its tiles, and how many components each has."""

    components: int
    rows: int
    columns: int
    tile_rows: int
    tile_columns: int

    @property
    def n_tiles(self) -> int:
        return -(-self.rows // self.tile_rows) * -(-self.columns // self.tile_columns)


def read_jpeg2000(data: bytes) -> Jpeg2000Frame:
    """Read SIZ, and check that the tiles and packets it asks for can be in the data.

    Raises
    ------
    DecodeError
        Cut, subsampled or displaced, components of different depths or signs, packet headers
        apart from their packets, or more tiles or packets than the data has bytes.
    """
    if data[:12] == _JP2_SIGNATURE:
        data = _boxed_codestream(data)
    if data[:4] != b"\xff\x4f\xff\x51":
        raise frame_damage("SOC", 0, "FF4F FF51", data[:4].hex())
    length = int.from_bytes(data[4:6], "big")
    segment = data[6 : 4 + length]
    if len(segment) != length - 2 or len(segment) < _SIZ_FIELDS.size:
        raise frame_damage("SIZ", 2, f"at least {_SIZ_FIELDS.size + 2} bytes", len(segment) + 2)
    frame, grid = _read_siz(segment)
    if grid.n_tiles * 14 > len(data):  # each has a tile-part of 14 bytes at least
        raise frame_damage("SIZ", 2, f"tiles that {len(data)} bytes can hold", grid.n_tiles)
    position = _check_segments(data, 4 + length, len(data), _SOT, grid)
    _require_coding(data, 4 + length, position)
    _check_tile_parts(data, position, grid)
    return frame


def _boxed_codestream(data: bytes) -> bytes:
    """Find the codestream in a JP2 file, which DICOM forbids and some write (T.800 annex I)."""
    position = 0
    while position + 8 <= len(data):
        length, kind = _BOX.unpack_from(data, position)
        end = position + length if length else len(data)
        if length == 1 or end < position + 8 or end > len(data):
            room = len(data) - position
            raise frame_damage("JP2 box", position, f"a length of 8 to {room}", length)
        if kind == b"jp2h" and b"pclr" in data[position:end]:
            raise frame_damage("JP2 box", position, "no palette", "pclr")
        if kind == b"jp2c":
            return data[position + 8 : end]
        position = end
    raise frame_damage("JP2 box", position, "a codestream", "the end of the data")


def _read_siz(segment: bytes) -> tuple[Jpeg2000Frame, _Grid]:
    _, columns, rows, x0, y0, tile_columns, tile_rows, tx0, ty0, components = (
        _SIZ_FIELDS.unpack_from(segment)
    )
    if x0 or y0 or tx0 or ty0:
        raise frame_damage("SIZ", 2, "image and tile offsets 0", (x0, y0, tx0, ty0))
    if not (rows and columns and tile_rows and tile_columns):
        raise frame_damage("SIZ", 2, "sizes above 0", (rows, columns, tile_rows, tile_columns))
    described = segment[_SIZ_FIELDS.size :]
    if not components or len(described) != 3 * components:
        raise frame_damage("SIZ", 40, f"3 bytes for each of {components}", len(described))
    first = described[:3]
    if described != first * components or first[1:] != b"\x01\x01":
        raise frame_damage("SIZ", 42, "components alike, not subsampled", described[:48].hex())
    precision = (first[0] & 0x7F) + 1
    frame = Jpeg2000Frame(2, rows, columns, components, precision)
    return frame, _Grid(components, rows, columns, tile_rows, tile_columns)


def _check_segments(data: bytes, position: int, limit: int, stop: int, grid: _Grid) -> int:
    """Check the segments up to the marker `stop`, which stands before `limit`; return where."""
    # No marker ends the data: EOC comes after it.
    while position + 2 <= limit and position + 4 <= len(data):
        marker, length = _marker_and_length(data, position)
        if marker == stop:
            return position
        end = position + 2 + length
        if marker < 0xFF50 or marker in _PACKED_HEADERS or marker in (_SIZ, _SOT, _SOD):
            raise frame_damage("marker", position, "a known one", f"{marker:04X}")
        if length < 2 or end > limit:
            room = max(2, limit - position - 2)
            raise frame_damage(f"{marker:04X}", position, f"a length of 2 to {room}", length)
        if marker in (_COD, _COC):
            _check_coding(data[position + 4 : end], position, marker == _COD, grid, len(data))
        position = end
    raise frame_damage("SOT" if stop == _SOT else "SOD", position, "a tile-part", "the end")


def _require_coding(data: bytes, position: int, end: int) -> None:
    """Refuse a main header without COD, or without a step for each subband (A.3, A.6.4).

    Decoders take what is missing for something, and go on.
    """
    bodies: dict[int, bytes] = {}
    while position < end:
        marker, length = _marker_and_length(data, position)
        bodies.setdefault(marker, data[position + 4 : position + 2 + length])
        position += 2 + length
    cod, qcd = bodies.get(_COD, b""), bodies.get(_QCD, b"")
    if len(cod) <= _LEVELS_IN_COD or not qcd:
        missing = "QCD" if len(cod) > _LEVELS_IN_COD else "COD"
        raise frame_damage(missing, end, f"{missing} in the main header", "none")
    style = qcd[0] & 0x1F
    wanted = {0: 1 + 3 * cod[_LEVELS_IN_COD], 1: 2, 2: 2 + 6 * cod[_LEVELS_IN_COD]}.get(style)
    if wanted is None or len(qcd) - 1 < wanted:
        expected = f"{wanted} bytes of steps" if wanted else "quantisation style 0 to 2"
        raise frame_damage("QCD", end, expected, len(qcd) - 1 if wanted else style)


def _check_coding(segment: bytes, position: int, is_cod: bool, grid: _Grid, available: int) -> None:
    """Refuse more packets than there are bytes: each takes one at least."""
    layers, of = 1, grid.components
    if not is_cod:
        width = 1 if grid.components < 257 else 2
        style, fields, of = segment[width : width + 1], segment[width + 1 :], 1
    else:
        style, fields = segment[:1], segment[5:]
        layers = max(1, int.from_bytes(segment[2:4], "big"))
    if not style or len(fields) < 5:
        raise frame_damage("COD", position, "at least 5 bytes of parameters", len(fields))
    levels, width, height = fields[0], fields[1], fields[2]
    precincts = fields[5:] if style[0] & 1 else b"\xff" * (levels + 1)
    if levels > _MOST_LEVELS or len(precincts) != levels + 1:
        raise frame_damage("COD", position, "one size of precincts per resolution", levels)
    if not (width <= 8 and height <= 8 and width + height <= 8):
        raise frame_damage("COD", position, "code blocks of at most 4096 samples", (height, width))
    packets = _count_packets(grid, precincts, available) * layers * of
    if packets > available:
        raise frame_damage("COD", position, f"at most {available} packets", packets)


def _count_packets(grid: _Grid, precincts: bytes, enough: int) -> int:
    """Return the packets of one component and layer, or a number above `enough`."""
    total = 0
    for high, n_high in _sides(grid.rows, grid.tile_rows):
        for wide, n_wide in _sides(grid.columns, grid.tile_columns):
            for resolution, size in enumerate(precincts):
                down = len(precincts) - 1 - resolution
                rows, columns = -(-high >> down), -(-wide >> down)
                count = -(-rows >> (size >> 4)) * -(-columns >> (size & 15))
                total += count * n_high * n_wide
                if total > enough:
                    return total
    return total


def _sides(whole: int, part: int) -> list[tuple[int, int]]:
    """Return the lengths of the tiles along one side, each with how many have it."""
    full, last = divmod(whole, part)
    return [(length, count) for length, count in ((part, full), (last, 1 if last else 0)) if count]


def _check_tile_parts(data: bytes, position: int, grid: _Grid) -> None:
    """Follow the chain of tile-parts to its end."""
    while data[position : position + 2] == b"\xff\x90":
        if position + 12 > len(data):
            raise frame_damage("SOT", position, "12 bytes", len(data) - position)
        tile, length, _, _ = _SOT_FIELDS.unpack_from(data, position + 4)
        if tile >= grid.n_tiles:
            raise frame_damage("SOT", position, f"a tile below {grid.n_tiles}", tile)
        end = position + length if length else len(data)  # 0: up to the end (T.800 A.4.2)
        if length and (length < 14 or end > len(data)):
            room = len(data) - position
            raise frame_damage("SOT", position, f"a length of 14 to {room}", length)
        # Not beyond its end: else a short frame can have each tile-part read all of it.
        _check_segments(data, position + 12, end, _SOD, grid)
        position = end
    ended = data[position : position + 2] == b"\xff\xd9" or b"\xff\xd9" in data[-4:]
    if not ended:
        found = data[position : position + 2].hex() or "the end of the data"
        raise frame_damage("EOC", position, "FFD9", found)
