"""Frames and codestream surgery shared by the codec tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from dicube_core.codec import parse

#: Real series beside the checkout; tests that use them are skipped where they are absent.
DATA = Path(__file__).resolve().parents[3] / "shared" / "data"

Frame = np.ndarray[Any, Any]


def ct_like(dtype: str = "int16", shape: tuple[int, int] = (150, 200), seed: int = 0) -> Frame:
    """Smooth structure with noise, so that all code blocks carry several bit planes."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[: shape[0], : shape[1]]
    values = 1000 + 400 * np.sin(x / 30) * np.cos(y / 20) + rng.normal(0, 20, shape)
    if dtype.endswith("int8"):
        values = values / 16
    return values.astype(dtype)


def bit_range(bits: int, signed: bool) -> tuple[int, int]:
    """Least and greatest value of so many bits."""
    return (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if signed else (0, (1 << bits) - 1)


def header_positions(codestream: bytes) -> list[int]:
    """Every byte before the packets, of all tile-parts."""
    parts = parse(codestream).tile_parts
    positions = list(range(parts[0].offset))
    for part in parts:
        positions += range(part.offset, part.data_offset)
    return positions


def segment_offset(codestream: bytes, marker: int) -> int:
    """Position of a marker in the main header."""
    position = 2
    while int.from_bytes(codestream[position : position + 2]) != marker:
        position += 2 + int.from_bytes(codestream[position + 2 : position + 4])
    return position


def insert(codestream: bytes, position: int, extra: bytes) -> bytes:
    """Put bytes into a codestream of one tile-part, keeping its length field right."""
    part = parse(codestream).tile_parts[0]
    changed = bytearray(codestream)
    if position > part.offset:
        changed[part.offset + 6 : part.offset + 10] = (part.length + len(extra)).to_bytes(4)
    changed[position:position] = extra
    return bytes(changed)
