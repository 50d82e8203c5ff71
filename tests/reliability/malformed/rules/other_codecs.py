"""Frames of pcodec and RLE whose own headers lie (docs/kinds.md; PS3.5 annex G)."""

from __future__ import annotations

from functools import partial
from struct import Struct
from typing import TYPE_CHECKING
from zlib import crc32

from reliability.malformed.rules._file import parts_of
from reliability.malformed.rules._frames import codec_of, with_frame
from reliability.malformed.rules._ways import NOTHING, NUMBERS, changed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from reliability.malformed.variant import Base, Variant

__all__ = ["variants"]

#: Magic, version, type, samples, a zero, rows, columns, length and CRC-32 of the stream.
_PCODEC = Struct("<4sBBBBIIII")
_PCODEC_FIELDS = ("magic", "version", "type", "samples", "zero", "rows", "columns", "length", "crc")
_OTHER = frozenset(("pixels",))


def _pcodec_field(which: int, value: bytes | int, frame: bytes) -> bytes:
    fields = list(_PCODEC.unpack_from(frame))
    fields[which] = value
    return _PCODEC.pack(*fields) + frame[_PCODEC.size :]


def _pcodec_stream(rule: Callable[[bytes], bytes], frame: bytes) -> bytes:
    """Return a frame with another stream, and the right length and CRC of it."""
    stream = rule(frame[_PCODEC.size :])
    head = _PCODEC.unpack_from(frame)[:7]
    return _PCODEC.pack(*head, len(stream), crc32(stream)) + stream


def _byte(at: int, value: int, data: bytes) -> bytes:
    return data[:at] + bytes((value,)) + data[at + 1 :]


def _inserted(at: int, new: bytes, data: bytes) -> bytes:
    return data[:at] + new + data[at + len(new) :]


def _cut(size: int, data: bytes) -> bytes:
    return data[:size]


def _many_chunks(data: bytes) -> bytes:
    """Repeat the chunk, and let each say that it holds 2**24 values."""
    front, chunk = data[:10], data[10:-1]
    return front + (chunk[:1] + b"\xff\xff\xff" + chunk[4:]) * 10_000 + b"\0"


def _chunk_twice(data: bytes) -> bytes:
    return data[:10] + data[10:-1] * 2 + b"\0"


def _no_chunk(data: bytes) -> bytes:
    return data[:10] + b"\0"


def _of_pcodec(base: Base) -> Iterator[tuple[str, Callable[[bytes], bytes], frozenset[str]]]:
    frame = parts_of(base).frames[1]
    for which, name in enumerate(_PCODEC_FIELDS):
        values: tuple[bytes | int, ...]
        if name == "magic":
            values = (b"DPCP", bytes(4), b"pco!")
        elif which < 5:
            values = (*range(10), 255)
        else:
            right = _PCODEC.unpack_from(frame)[which]
            steps = (right - 1, right + 1, *(n for n in NUMBERS if n < 2**32))
            values = tuple(sorted({v for v in steps if v != right}))
        for value in values:
            yield f"{name} is {value!r}", partial(_pcodec_field, which, value), NOTHING
    stream = frame[_PCODEC.size :]
    rules: dict[str, Callable[[bytes], bytes]] = {
        "2**24 values in each of many chunks": _many_chunks,
        "chunk twice": _chunk_twice,
        "no chunk": _no_chunk,
        "huge count": partial(_inserted, 6, b"\x3f" + b"\xff" * 8),
        "all bits of the count": partial(_inserted, 6, b"\xff" * 12),
        **{f"cut to {size}": partial(_cut, size) for size in (0, 1, 4, 8, 10, 20, len(stream) - 1)},
    }
    for name, rule in rules.items():
        yield f"stream, {name}", partial(_pcodec_stream, rule), _OTHER
    for at in (*range(32), *range(32, len(stream), 7)):
        for value in sorted({0, 255, stream[at] ^ 1, stream[at] ^ 0x80} - {stream[at]}):
            name = f"stream, byte {at} is {value:#x}"
            yield name, partial(_pcodec_stream, partial(_byte, at, value)), _OTHER


def _of_rle(base: Base) -> Iterator[tuple[str, Callable[[bytes], bytes], frozenset[str]]]:
    frame = parts_of(base).frames[1]
    for number in range(16):
        right = int.from_bytes(frame[4 * number : 4 * number + 4], "little")
        values = {0, 1, 2, 3, 15, 16, 63, 64, 65, 255, len(frame), len(frame) - 1, right + 1}
        values |= {n for n in NUMBERS if n < 2**32}
        for value in sorted(values - {right}):
            name = f"number of segments is {value:#x}"
            if number:
                name = f"offset {number} is {value:#x}"
            new = value.to_bytes(4, "little")
            yield name, partial(_inserted, 4 * number, new), _OTHER
    yield "all offsets alike", partial(_inserted, 0, b"\x0f\0\0\0" + b"\x40\0\0\0" * 15), _OTHER
    for size in (0, 1, 4, 63, 64, 65, len(frame) // 2, len(frame) - 1):
        yield f"cut to {size}", partial(_cut, size), _OTHER
    for what, body in (
        ("runs of 128 zeros", b"\x81\0" * 5000),
        ("only the byte that does nothing", b"\x80" * 5000),
        ("a run that is cut", b"\x7f\0"),
        ("a repetition that is cut", b"\x81"),
        ("nothing", b""),
    ):
        yield f"segment of {what}", partial(_rle_body, body), _OTHER


def _rle_body(body: bytes, frame: bytes) -> bytes:
    return frame[:64] + body


def variants(base: Base) -> Iterator[Variant]:
    """Yield files one of whose frames lies in its own header."""
    codec = codec_of(base)
    rules = {"pcodec": ("pcodec frames", _of_pcodec), "rle": ("RLE frames", _of_rle)}
    if codec not in rules:
        return
    family, rule = rules[codec]
    for name, change, free in rule(base):
        # A kept frame is delivered as it is, to who asks for the source's own encoding.
        differing = free | {"slices"} if free else free
        whole = partial(with_frame, 1, change)
        yield from changed(base, family, name, whole, may_differ=differing, damaged="cut" in name)
