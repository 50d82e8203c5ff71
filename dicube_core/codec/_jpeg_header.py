"""Markers of a JPEG (ITU-T T.81 annex B) or JPEG-LS (T.87 annex C) frame."""

from __future__ import annotations

import re
from struct import Struct
from typing import NamedTuple

from dicube_core.codec._frame_damage import frame_damage

__all__ = ["JpegFrame", "read_jpeg"]

_SOI, _EOI, _SOS, _DNL, _JPEG_LS = 0xD8, 0xD9, 0xDA, 0xDC, 0xF7
#: Frame headers: all of C0 to CF but tables and extensions (T.81 table B.1), and JPEG-LS.
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC} | {_JPEG_LS}
_SOF = Struct(">BHHB")
#: What ends entropy-coded data: a marker other than a restart. JPEG-LS stuffs bits, not bytes.
_END = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")
_END_LS = re.compile(rb"\xff[\x80-\xcf\xd8-\xfe]")
#: Fewest bits of one sample: half a block's two codes (DCT), a code of one bit (lossless).
_SAMPLES_PER_BYTE = {0xC0: 256, 0xC1: 256, 0xC3: 8}


class JpegFrame(NamedTuple):
    """Where the frame header is, and what it says."""

    offset: int
    rows: int
    columns: int
    components: int
    precision: int


def read_jpeg(data: bytes, allowed: frozenset[int]) -> JpegFrame:
    """Read all markers of a frame: one frame header, its scans, and the end.

    Parameters
    ----------
    data : bytes
        The frame, padding behind its end included.
    allowed : frozenset of int
        Frame headers that the transfer syntax allows, without their 0xFF.

    Raises
    ------
    DecodeError
        Cut, another process than the transfer syntax says, two frame headers, more scans than
        components, or too short for its size.
    """
    if data[:2] != b"\xff\xd8":
        raise frame_damage("SOI", 0, "FFD8", data[:2].hex())
    frame: JpegFrame | None = None
    kind = scans = 0
    position = 2
    while True:
        marker, position = _next_marker(data, position)
        if marker == _EOI:
            break
        end = _end_of_segment(data, position, marker)
        if marker in _FRAMES:
            if frame is not None:
                raise frame_damage("SOF", position, "only one frame header", "another")
            frame, kind = _read_frame_header(data, position, end, allowed), marker
        elif marker == _SOS:
            scans += 1
            if frame is None or scans > frame.components:
                found = "no frame header" if frame is None else f"{scans} scans"
                raise frame_damage("SOS", position, "one scan per component at most", found)
            ending = (_END_LS if kind == _JPEG_LS else _END).search(data, end)
            end = len(data) if ending is None else ending.start()
        position = end
    if frame is None or not scans:
        raise frame_damage("EOI", position, "a frame header and a scan before it", "none")
    _require_room(frame, kind, len(data))
    return frame


def _require_room(frame: JpegFrame, kind: int, n_bytes: int) -> None:
    """Refuse a size that so few bytes cannot hold. A line of JPEG-LS takes hardly any."""
    most = _SAMPLES_PER_BYTE.get(kind)
    if most and frame.rows * frame.columns > most * n_bytes:
        size = f"{frame.rows}x{frame.columns}"
        raise frame_damage("SOF", frame.offset, f"a size that {n_bytes} bytes can hold", size)


def _end_of_segment(data: bytes, position: int, marker: int) -> int:
    """Return where a segment ends that may stand between others."""
    if marker in (_SOI, _DNL) or marker < 0xC0:
        raise frame_damage("marker", position, "a known one", f"FF{marker:02X}")
    length = int.from_bytes(data[position + 2 : position + 4], "big")
    if length < 2 or position + 2 + length > len(data):
        room = max(2, len(data) - position - 2)
        raise frame_damage(f"FF{marker:02X}", position, f"a length of 2 to {room}", length)
    return position + 2 + length


def _next_marker(data: bytes, position: int) -> tuple[int, int]:
    """Return the marker that stands at a position, and where; fill bytes are passed over."""
    start = position
    while data[position : position + 2] == b"\xff\xff":
        position += 1
    if position + 2 > len(data):
        raise frame_damage("EOI", position, "FFD9", "the end of the data")
    if data[position] != 0xFF:
        raise frame_damage("marker", start, "FF", data[position : position + 1].hex())
    return data[position + 1], position


def _read_frame_header(data: bytes, position: int, end: int, allowed: frozenset[int]) -> JpegFrame:
    marker, length = data[position + 1], end - position - 2
    if marker not in allowed:
        names = " or ".join(f"FF{number:02X}" for number in sorted(allowed))
        expected = f"{names}, as the transfer syntax says"
        raise frame_damage("SOF", position, expected, f"FF{marker:02X}")
    if length < 8:
        raise frame_damage("SOF", position, "a length of at least 8", length)
    precision, rows, columns, components = _SOF.unpack_from(data, position + 4)
    if length != 8 + 3 * components or not components:
        raise frame_damage("SOF", position, f"length {8 + 3 * components}", length)
    return JpegFrame(position, rows, columns, components, precision)
