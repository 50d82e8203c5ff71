"""Changes of codestreams whose lengths stay right."""

from __future__ import annotations

from struct import pack
from typing import TYPE_CHECKING

from dicube_core.codec.codestream import parse
from dicube_core.exceptions import DicomCubeError

if TYPE_CHECKING:
    from random import Random

    from reliability.fuzz.target import Plain

__all__ = ["mutate_codestream"]

_SOT, _TLM = 0xFF90, 0xFF55
_MARKERS = (0xFF50, 0xFF52, 0xFF53, 0xFF55, 0xFF57, 0xFF58, 0xFF5C, 0xFF5D, 0xFF5E, 0xFF5F)
_MARKERS += (0xFF60, 0xFF61, 0xFF63, 0xFF64, 0xFF72, 0xFF76, 0xFF79)


def _segments(header: bytes) -> list[tuple[int, bytes]]:
    """Return the segments of a main header, without lengths."""
    found, position = [], 2
    while position + 4 <= len(header):
        marker = int.from_bytes(header[position : position + 2])
        length = int.from_bytes(header[position + 2 : position + 4])
        found.append((marker, header[position + 4 : position + 2 + length]))
        position += 2 + length
    return found


def mutate_codestream(data: bytes, max_size: int, rng: Random, plain: Plain) -> bytes:
    """Change one segment, the list of segments, or the packets of a tile-part."""
    try:
        info = parse(data)
    except DicomCubeError:
        return plain(data, max_size)
    if rng.random() < 0.15:
        return plain(data, max_size)
    segments = _segments(data[: info.tile_parts[0].offset])
    parts = [(data[p.offset : p.data_offset], data[p.data_offset : p.offset + p.length])
             for p in info.tile_parts]  # fmt: skip
    number, kind = rng.randrange(len(segments)), rng.randrange(10)
    marker, body = segments[number]
    if kind < 4:
        segments[number] = marker, plain(body, max(len(body), 2))
    elif kind == 4:
        segments[number] = rng.choice(_MARKERS), body
    elif kind == 5:
        segments.insert(number, segments[number])
    elif kind == 6 and len(segments) > 1:
        del segments[number]
    else:
        which = rng.randrange(len(parts))
        head, packets = parts[which]
        parts[which] = head, plain(packets, len(packets) + 16)
    return _assembled(segments, parts)


def _assembled(segments: list[tuple[int, bytes]], parts: list[tuple[bytes, bytes]]) -> bytes:
    lengths = [len(head) + len(packets) for head, packets in parts]
    pieces = [b"\xff\x4f"]
    for marker, body in segments:
        if marker == _TLM and body[1:2] == b"\x40" and len(body) == 2 + 4 * len(lengths):
            pieces += [pack(">HH", marker, len(body) + 2), body[:2]]
            pieces.append(pack(f">{len(lengths)}I", *lengths))
        else:
            pieces.append(pack(">HH", marker, len(body) + 2) + body)
    for (head, packets), length in zip(parts, lengths, strict=True):
        pieces += [head[:6] + length.to_bytes(4) + head[10:], packets]
    return b"".join((*pieces, b"\xff\xd9"))
