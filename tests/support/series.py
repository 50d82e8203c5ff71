"""Slices and series for every pixel kind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from support.raw import EXPLICIT_LE, PIXEL_DATA, Node, part10, text, us

Array = np.ndarray[Any, Any]
Edit = Callable[[int, dict[int, Node]], None]

ROOT = "1.2.826.0.1.3680043.9.9999"
CT_STORAGE = "1.2.840.10008.5.1.4.1.1.2"


@dataclass(frozen=True)
class Kind:
    """How stored values lie in their containers, and which values there are."""

    name: str
    allocated: int = 16
    stored: int = 12
    signed: bool = False
    high: int | None = None
    photometric: str = "MONOCHROME2"
    rows: int = 6
    columns: int = 5
    fill: str = "noise"

    @property
    def high_bit(self) -> int:
        return self.stored - 1 if self.high is None else self.high

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype(f"<{'i' if self.signed else 'u'}{self.allocated // 8}")

    def frame(self, index: int) -> Array:
        """Return one frame, other than its neighbours'."""
        rng = np.random.default_rng((index, self.stored, self.allocated))
        low = -(1 << (self.stored - 1)) if self.signed else 0
        top = low + (1 << self.stored)
        values = rng.integers(low, top, (self.rows, self.columns), dtype=np.int64)
        if self.fill == "constant":
            values[:] = (low + index) % top
        elif self.fill == "extremes":
            values.flat[::2] = low
            values.flat[1::2] = top - 1
            values.flat[0] = (low + index) % top
        elif self.fill == "zero":
            values[:] = 0
        elif self.fill == "overlay":  # one bit plane of something else above the stored bits
            values |= rng.integers(0, 2, values.shape, dtype=np.int64) << (self.allocated - 1)
        elif self.fill == "unextended":  # negative numbers whose sign was not carried upwards
            values &= (1 << self.stored) - 1
        values <<= self.high_bit + 1 - self.stored
        return values.astype(self.dtype.newbyteorder("="), casting="unsafe")


def _kinds() -> list[Kind]:
    kinds = [Kind(f"u16_stored_{b}", stored=b) for b in range(1, 17)]
    kinds += [Kind(f"i16_stored_{b}", stored=b, signed=True) for b in range(1, 17)]
    kinds += [Kind(f"u8_stored_{b}", 8, b) for b in (1, 5, 7, 8)]
    kinds += [Kind(f"i8_stored_{b}", 8, b, signed=True) for b in (1, 6, 8)]
    kinds += [Kind(f"u32_stored_{b}", 32, b) for b in (12, 24, 31, 32)]
    kinds += [Kind(f"i32_stored_{b}", 32, b, signed=True) for b in (17, 32)]
    sizes = ((1, 1), (1, 7), (9, 1), (3, 3), (65, 33), (2, 130))
    kinds += [Kind(f"u8_{r}x{c}", 8, 8, rows=r, columns=c) for r, c in sizes]
    kinds += [Kind(f"u16_{r}x{c}", rows=r, columns=c) for r, c in sizes]
    for signed in (False, True):
        sign = "i16" if signed else "u16"
        kinds += [Kind(f"{sign}_{f}", signed=signed, fill=f) for f in ("constant", "extremes")]
        kinds += [Kind(f"{sign}_outside_stored", signed=signed, fill="overlay")]
        kinds += [Kind(f"{sign}_high_bit_15", signed=signed, high=15)]
    return [
        *kinds,
        Kind("i16_unextended", signed=True, fill="unextended"),
        Kind("u16_high_bit_13", stored=10, high=13),
        Kind("u8_outside_stored", 8, 6, fill="overlay"),
        Kind("u16_zero", fill="zero"),
        Kind("u8_mono1", 8, 8, photometric="MONOCHROME1"),
        Kind("u16_mono1", photometric="MONOCHROME1"),
        Kind("i16_mono1", stored=16, signed=True, photometric="MONOCHROME1"),
    ]


KINDS = {kind.name: kind for kind in _kinds()}
CT = Kind("ct", stored=12)


def pixel_node(frame: Array, vr: str | None = None) -> Node:
    """Return the native Pixel Data element, padded to an even length."""
    data = frame.astype(frame.dtype.newbyteorder("<")).tobytes()
    chosen = vr or ("OW" if frame.dtype.itemsize > 1 else "OB")
    return Node(PIXEL_DATA, chosen, data + b"\0" * (len(data) % 2))


def slice_nodes(index: int, kind: Kind = CT, *, series: str = "1") -> dict[int, Node]:
    """Return the elements of one CT slice; `index` grows along the slice normal."""
    nodes = [
        text(0x00080005, "CS", "ISO_IR 100"),
        text(0x00080008, "CS", "ORIGINAL\\PRIMARY\\AXIAL"),
        text(0x00080016, "UI", CT_STORAGE),
        text(0x00080018, "UI", f"{ROOT}.{series}.{index + 1}"),
        text(0x00080020, "DA", "20240131"),
        text(0x00080060, "CS", "CT"),
        text(0x00080070, "LO", "Some Vendor"),
        text(0x00100010, "PN", "Doe^Jane"),
        text(0x00100020, "LO", "PAT-0042"),
        text(0x00180050, "DS", "2.50000"),
        text(0x0020000D, "UI", f"{ROOT}.9"),
        text(0x0020000E, "UI", f"{ROOT}.{series}"),
        text(0x00200013, "IS", str(index + 1)),
        text(0x00200032, "DS", f"-12.5\\20.250\\{2.5 * index:.4f}"),
        text(0x00200037, "DS", "1.000000\\0.000000\\0.000000\\0.000000\\1.000000\\0.000000"),
        text(0x00200052, "UI", f"{ROOT}.8"),
        text(0x00201041, "DS", f"{2.5 * index:.2f}"),
        us(0x00280002, 1),
        text(0x00280004, "CS", kind.photometric),
        us(0x00280010, kind.rows),
        us(0x00280011, kind.columns),
        text(0x00280030, "DS", "0.750\\0.5"),
        us(0x00280100, kind.allocated),
        us(0x00280101, kind.stored),
        us(0x00280102, kind.high_bit),
        us(0x00280103, int(kind.signed)),
        text(0x00281050, "DS", "40"),
        text(0x00281051, "DS", "400"),
        text(0x00281052, "DS", "-1024"),
        text(0x00281053, "DS", "1"),
        pixel_node(kind.frame(index)),
    ]
    return {node.tag: node for node in nodes}


def make_series(
    count: int = 4,
    kind: Kind = CT,
    edit: Edit | None = None,
    syntax: str = EXPLICIT_LE,
    *,
    series: str = "1",
    name: str = "IM{:04d}.dcm",
) -> dict[str, bytes]:
    """Return a series as files: name to content, in an order unlike that of the slices."""
    files = {}
    for index in reversed(range(count)):
        nodes = slice_nodes(index, kind, series=series)
        if edit is not None:
            edit(index, nodes)
        files[name.format(index)] = part10(nodes, syntax)
    return files


def put(*nodes: Node) -> Edit:
    """Return an edit that gives every slice these elements."""

    def edit(_: int, target: dict[int, Node]) -> None:
        target.update({node.tag: node for node in nodes})

    return edit
