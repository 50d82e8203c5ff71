"""Codestreams that are right in every marker and hold nothing: what an attacker would send."""

from __future__ import annotations

from struct import pack

from dicube_core.codec._segments import _count_precincts
from dicube_core.codec.quantization import openjph_quantization

__all__ = ["empty_codestream"]


def _segment(marker: int, content: bytes) -> bytes:
    return pack(">HH", marker, len(content) + 2) + content


def empty_codestream(
    rows: int,
    columns: int,
    bits: int = 16,
    *,
    levels: int = 5,
    block: tuple[int, int] = (4, 4),
    precinct: int | None = None,
    signed: bool = False,
    progression: int = 2,
) -> bytes:
    """Return a lossless HTJ2K codestream whose packets are all empty: a frame of one value.

    Parameters
    ----------
    block : (int, int)
        Exponents of the width and height of code blocks, less 2.
    precinct : int, optional
        Exponent of the width and height of precincts; one for each resolution if not given.
    """
    code, guard_bits, exponents = openjph_quantization(bits, levels)
    sizes = b"" if precinct is None else bytes([precinct * 17]) * (levels + 1)
    packets = sum(_count_precincts(rows, columns, levels, sizes or b"\xff" * (levels + 1)))
    depth = (0x80 if signed else 0) | bits - 1
    siz = pack(">HIIIIIIIIHBBB", 0x4000, columns, rows, 0, 0, columns, rows, 0, 0, 1, depth, 1, 1)
    style = 1 if sizes else 0
    cod = pack(">BBHBBBBBB", style, progression, 1, 0, levels, *block, 0x40, 1) + sizes
    head = b"".join(
        (
            b"\xff\x4f",
            _segment(0xFF51, siz),
            _segment(0xFF50, pack(">IBB", 0x00020000, 0, code)),
            _segment(0xFF52, cod),
            _segment(0xFF5C, bytes([guard_bits << 5]) + bytes(e << 3 for e in exponents)),
        )
    )
    tile = pack(">HHHIBB", 0xFF90, 10, 0, 14 + packets, 0, 1) + b"\xff\x93" + bytes(packets)
    return head + tile + b"\xff\xd9"
