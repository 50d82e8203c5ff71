"""The four marker segments that say how a codestream is coded: SIZ, CAP, COD, QCD.

Field names are those of ITU-T T.800 annex A and T.814 annex A.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from struct import Struct

from dicube_core.exceptions import DecodeError

__all__ = ["Coding", "damage", "read_coding"]

_SIZ = Struct(">HIIIIIIIIH")
_COD = Struct(">BBHBBBBBB")
_PROGRESSIONS = ("LRCP", "RLCP", "RPCL", "PCRL", "CPRL")
_MAX_LEVELS = 32
_REVERSIBLE_5_3 = 1
_HT_BLOCKS = 0x40
_VERTICALLY_CAUSAL = 0x08


def damage(marker: str, offset: int, expected: object, found: object) -> DecodeError:
    """Make the one kind of error of the parser: where, expected, found."""
    return DecodeError(
        f"{marker} at byte {offset}: expected {expected}, found {found}",
        context="HTJ2K codestream",
        suggestion="the frame is damaged or not lossless HTJ2K; get it from an intact copy",
        details={"marker": marker, "offset": offset},
    )


@dataclass(frozen=True, slots=True)
class Coding:
    """Everything the main header says, apart from tile-part lengths and comments."""

    rows: int
    columns: int
    components: int
    precision: int
    signed: bool
    levels: int
    progression: str
    layers: int
    code_block: tuple[int, int]
    reversible: bool
    ht: bool
    n_packets: int
    magnitude_code: int
    guard_bits: int
    exponents: bytes
    cod_offset: int
    qcd_offset: int
    colour_transform: bool = False
    #: Packets of each resolution, lowest first; `n_packets` is their sum.
    packets: tuple[int, ...] = ()


# Bounded; all frames of a series share one entry, so a usual frame costs one dictionary look-up.
@lru_cache(maxsize=64)
def read_coding(segments: tuple[bytes, ...], offsets: tuple[int, ...]) -> Coding:
    """Read the contents of SIZ, CAP, COD and QCD (without marker and length), in this order."""
    rows, columns, components, depth = _read_siz(segments[0], offsets[0])
    magnitude_code = _read_cap(segments[1], offsets[1])
    cod, cod_offset = segments[2], offsets[2]
    if len(cod) < _COD.size:
        raise damage("COD", cod_offset, f"at least {_COD.size} bytes", len(cod))
    style, order, layers, transform, levels, width, height, mode, wavelet = _COD.unpack_from(cod)
    _check_cod_fields(cod_offset, style, order, layers, levels)
    if transform > (1 if components > 2 else 0):
        raise damage("COD", cod_offset, f"a transform for {components} component(s)", transform)
    _check_code_block(cod_offset, width, height, mode)
    if wavelet > _REVERSIBLE_5_3:
        raise damage("COD", cod_offset, "wavelet 0 or 1", wavelet)
    precincts = _read_precincts(cod, cod_offset, style, levels)
    reversible = wavelet == _REVERSIBLE_5_3
    guard_bits, exponents = _read_qcd(segments[3], offsets[3], levels, reversible)
    each = layers * components
    packets = tuple(each * n for n in _count_precincts(rows, columns, levels, precincts))
    return Coding(
        rows=rows,
        columns=columns,
        components=components,
        precision=(depth & 0x7F) + 1,
        signed=depth >= 0x80,
        levels=levels,
        progression=_PROGRESSIONS[order],
        layers=layers,
        code_block=(4 << height, 4 << width),
        reversible=reversible,
        ht=mode & _HT_BLOCKS != 0,
        n_packets=sum(packets),
        magnitude_code=magnitude_code,
        guard_bits=guard_bits,
        exponents=exponents,
        cod_offset=cod_offset,
        qcd_offset=offsets[3],
        colour_transform=transform == 1,
        packets=packets,
    )


def _read_siz(siz: bytes, offset: int) -> tuple[int, int, int, int]:
    """Return rows, columns, components and the depth byte; one tile, no offsets."""
    if len(siz) < _SIZ.size:
        raise damage("SIZ", offset, f"at least {_SIZ.size} bytes", len(siz))
    capabilities, columns, rows, x0, y0, tile_columns, tile_rows, tx0, ty0, components = (
        _SIZ.unpack_from(siz)
    )
    if capabilities & 0xC000 != 0x4000:
        raise damage("SIZ", offset, "capabilities of a Part 15 codestream", f"0x{capabilities:04X}")
    if x0 or y0 or tx0 or ty0:
        raise damage("SIZ", offset, "image and tile offsets 0", (x0, y0, tx0, ty0))
    if rows < 1 or columns < 1:
        raise damage("SIZ", offset, "a size of at least 1x1", f"{rows}x{columns}")
    if tile_rows < rows or tile_columns < columns:
        raise damage("SIZ", offset, f"one tile of {rows}x{columns}", f"{tile_rows}x{tile_columns}")
    if components < 1 or len(siz) != _SIZ.size + 3 * components:
        raise damage("SIZ", offset, f"{_SIZ.size} bytes and 3 for each of {components}", len(siz))
    component = siz[_SIZ.size : _SIZ.size + 3]
    if siz[_SIZ.size :] != component * components:
        raise damage("SIZ", offset, "components all alike", siz[_SIZ.size :][:48].hex())
    if component[1:] != b"\x01\x01":
        raise damage("SIZ", offset, "no subsampling (1, 1)", tuple(component[1:]))
    return rows, columns, components, component[0]


def _read_cap(cap: bytes, offset: int) -> int:
    """Return the coded bound on magnitude bits (T.814 table A.6); only HT blocks, reversible."""
    if cap[:4] != b"\x00\x02\x00\x00" or len(cap) != 6:
        raise damage("CAP", offset, "0x00020000 (Part 15 alone) and 2 bytes", cap[:16].hex())
    if cap[4] or cap[5] >= 0x20:
        raise damage(
            "CAP", offset, "HT code blocks only, one set, homogeneous, reversible", cap[4:].hex()
        )
    return cap[5]


def _check_cod_fields(offset: int, style: int, order: int, layers: int, levels: int) -> None:
    if style > 7:
        raise damage("COD", offset, "coding style 0 to 7", style)
    if order >= len(_PROGRESSIONS):
        raise damage("COD", offset, "progression order 0 to 4", order)
    if layers < 1:
        raise damage("COD", offset, "at least 1 layer", layers)
    if levels > _MAX_LEVELS:
        raise damage("COD", offset, f"at most {_MAX_LEVELS} decompositions", levels)


def _check_code_block(offset: int, width: int, height: int, mode: int) -> None:
    # Four samples wide or high is legal but pointless, and one flipped bit away from 64.
    if not (1 <= width <= 8 and 1 <= height <= 8 and width + height <= 8):
        expected = "exponents of code blocks of 8 to 1024, at most 4096 samples, less 2"
        raise damage("COD", offset, expected, (height, width))
    if mode & ~(_HT_BLOCKS | _VERTICALLY_CAUSAL):
        raise damage("COD", offset, "code block style 0x40", f"0x{mode:02X}")


def _read_precincts(cod: bytes, offset: int, style: int, levels: int) -> bytes:
    """Return one byte per resolution, lowest first: exponents of height and width."""
    expected = _COD.size + (levels + 1 if style & 1 else 0)
    if len(cod) != expected:
        raise damage("COD", offset, f"{expected} bytes for {levels} decompositions", len(cod))
    precincts = cod[_COD.size :] if style & 1 else b"\xff" * (levels + 1)
    for size in precincts[1:]:
        if not (size & 15 and size >> 4):
            raise damage(
                "COD", offset, "precincts of at least 2x2 above the lowest resolution", size
            )
    return precincts


def _count_precincts(rows: int, columns: int, levels: int, precincts: bytes) -> list[int]:
    counts = []
    for resolution, size in enumerate(precincts):
        down = levels - resolution
        high, wide = _ceil_shift(rows, down), _ceil_shift(columns, down)
        counts.append(_ceil_shift(high, size >> 4) * _ceil_shift(wide, size & 15))
    return counts


def _ceil_shift(value: int, bits: int) -> int:
    """Return ``ceil(value / 2**bits)``."""
    return -(-value >> bits)


def _read_qcd(qcd: bytes, offset: int, levels: int, reversible: bool) -> tuple[int, bytes]:
    """Return guard bits and the exponent of each subband (empty if not reversible)."""
    if not qcd:
        raise damage("QCD", offset, "at least 1 byte", 0)
    if not reversible:
        return qcd[0] >> 5, b""
    if qcd[0] & 0x1F:
        raise damage("QCD", offset, "no quantisation, as the wavelet is reversible", qcd[0] & 0x1F)
    if len(qcd) != 2 + 3 * levels:
        raise damage(
            "QCD", offset, f"{1 + 3 * levels} subbands for {levels} decompositions", len(qcd) - 1
        )
    if any(step & 7 for step in qcd[1:]):
        raise damage("QCD", offset, "reserved bits 0", qcd[1:].hex())
    return qcd[0] >> 5, bytes(step >> 3 for step in qcd[1:])
