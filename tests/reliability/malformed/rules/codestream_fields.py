"""Every field of SIZ, CAP, COD, QCD and SOT, with every value that it should not have."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from reliability.malformed.rules._codestream import Stream, split
from reliability.malformed.rules._file import layout, parts_of
from reliability.malformed.rules._frames import codec_of, with_frame
from reliability.malformed.rules._ways import NOTHING, changed, patched

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reliability.malformed.variant import Base, Variant

__all__ = ["variants"]

_FAMILY = "codestream fields"
#: Segment -> fields as name, place, width.
_FIELDS = {
    "SIZ": [
        ("Rsiz", 0, 2),
        *(
            (name, 2 + 4 * i, 4)
            for i, name in enumerate(
                ("Xsiz", "Ysiz", "XOsiz", "YOsiz", "XTsiz", "YTsiz", "XTOsiz", "YTOsiz")
            )
        ),
        ("Csiz", 34, 2),
        ("Ssiz", 36, 1),
        ("XRsiz", 37, 1),
        ("YRsiz", 38, 1),
    ],
    "CAP": [("Pcap", 0, 4), ("Ccap15", 4, 2)],
    "COD": [
        *(("Scod", 0, 1), ("progression", 1, 1), ("layers", 2, 2), ("transform", 4, 1)),
        *(("levels", 5, 1), ("width", 6, 1), ("height", 7, 1), ("style", 8, 1), ("wavelet", 9, 1)),
    ],
    "QCD": [("Sqcd", 0, 1), ("first step", 1, 1), ("second step", 2, 1), ("last step", -1, 1)],
}
_SPECIAL = {
    "Ssiz": (0, 7, 10, 11, 12, 15, 16, 31, 37, 38, 127, 128, 139, 143, 165, 255),
    "Csiz": (0, 2, 3, 4, 16384, 16385, 65535),
    "Scod": (0, 1, 2, 4, 6, 7, 8, 255),
    "progression": (0, 1, 2, 3, 4, 5, 255),
    "layers": (0, 2, 100, 65535),
    "levels": (0, 1, 4, 6, 32, 33, 255),
    "style": (0, 1, 2, 4, 8, 16, 32, 0x40, 0x48, 0x80, 0xC0, 255),
    "Ccap15": (0, 0x0A, 0x0B, 0x1F, 0x20, 0x800, 0x1000, 0x2000, 0x4000, 0x8000, 0xFFFF),
    "Sqcd": (0, 0x20, 0x21, 0x22, 0x40, 0xE0, 0xFF),
}
#: Fields that say how packets are to be read, which nothing else in the file tells: with another
#: value that is allowed, other pixels may come out. Bytes of the frame differ in any case.
_HOW = frozenset(
    (
        *(
            "Rsiz",
            "XTsiz",
            "YTsiz",
            "Ccap15",
            "Scod",
            "progression",
            "transform",
            "levels",
            "width",
        ),
        *("height", "style", "Sqcd", "first step", "second step", "last step"),
    )
)


def _lies(field: str, width: int, right: int) -> list[int]:
    top = (1 << 8 * width) - 1
    lies = {0, 1, 2, right - 1, right + 1, right ^ top, top, top >> 1, (top >> 1) + 1}
    lies |= {right * 2, right << 4, *_SPECIAL.get(field, ())}
    return sorted(value for value in lies if value != right and 0 <= value <= top)


def _fields(base: Base, stream: Stream) -> Iterator[Variant]:
    start = layout(base)["frame 1"].start
    for segment in stream.main:
        position = base.data.index(segment.pack(), start) + 4
        for field, at, width in _FIELDS.get(segment.name, ()):
            place = at % len(segment.body)
            right = int.from_bytes(segment.body[place : place + width], "big")
            for value in _lies(field, width, right):
                name, new = f"{segment.name}: {field} is {value:#x}", value.to_bytes(width, "big")
                if base.checksums:
                    yield from patched(base, _FAMILY, name, position + place, new)
                other = stream.with_field(segment.name, place, new)
                kept = codec_of(base) == "jpeg2000" and segment.name != "SIZ"
                how = kept or field in _HOW or _other_depth(base, field, value)
                yield from _lie(base, name, other, how=how)


def _other_depth(base: Base, field: str, value: int) -> bool:
    """Tell whether a depth is another one that such a frame may have (codec/codestream.py)."""
    if field != "Ssiz":
        return False
    if codec_of(base) == "jpeg2000":
        return True
    return value & 0x7F in (7, 15) and value & 0x80 == (base.name in ("legacy", "signed")) << 7


def _lie(base: Base, name: str, stream: Stream, *, how: bool = False) -> Iterator[Variant]:
    change = partial(with_frame, 1, partial(_pack, stream))
    free = frozenset(("pixels", "slices")) if how else NOTHING
    yield from changed(base, _FAMILY, name, change, may_differ=free)


def _pack(stream: Stream, _: bytes) -> bytes:
    return stream.pack()


def _u32(value: int) -> bytes:
    return value.to_bytes(4, "big")


def _sizes(stream: Stream) -> Iterator[tuple[str, Stream]]:
    """Yield images that would take more memory than there is, and tiles without number."""
    siz = stream.main[stream.index("SIZ")].body
    tail = siz[34:]
    for name, size, tile in (
        ("2**31 x 2**31", 2**31, 2**31),
        ("2**31-1 x 2**31-1, one tile", 2**31 - 1, 2**31 - 1),
        ("65536 x 65536", 2**16, 2**16),
        ("40000 x 40000", 40_000, 40_000),
        ("2**31-1, tiles of 1x1", 2**31 - 1, 1),
        ("30000, tiles of 1x1", 30_000, 1),
        ("2**31-1, tiles of 1024", 2**31 - 1, 1024),
        ("0 x 0", 0, 0),
        ("1 x 1", 1, 1),
    ):
        body = siz[:2] + _u32(size) * 2 + bytes(8) + _u32(tile) * 2 + bytes(8) + tail
        yield f"SIZ: {name}", stream.with_field("SIZ", 0, body)
    rows, columns = siz[6:10], siz[2:6]
    yield "SIZ: rows and columns change places", stream.with_field("SIZ", 2, rows + columns)
    yield "SIZ: tiles of 1x1", stream.with_field("SIZ", 18, _u32(1) * 2)
    number = stream.index("SIZ")
    for count in (2, 3, 4, 255, 16384):
        body = siz[:34] + count.to_bytes(2, "big") + siz[36:39] * count
        other = replace(stream.main[number], body=body)
        main = (*stream.main[:number], other, *stream.main[number + 1 :])
        if body != siz:
            yield f"SIZ: {count} components, described", stream.with_main(*main)
    if "COD" in {segment.name for segment in stream.main}:
        number = stream.index("COD")
        body = stream.main[number].body
        for levels in (5, 32):
            for size in (0x00, 0x11, 0xFF):
                new = bytes((body[0] | 1,)) + body[1:5] + bytes((levels,)) + body[6:10]
                other = replace(stream.main[number], body=new + bytes((size,)) * (levels + 1))
                main = (*stream.main[:number], other, *stream.main[number + 1 :])
                yield f"COD: {levels} levels, precincts {size:#x}", stream.with_main(*main)


def _tile_parts(stream: Stream) -> Iterator[tuple[str, Stream]]:
    psot = len(stream.tile_part())
    for name, at, width, values in (
        ("Isot", 0, 2, (1, 255, 65535)),
        ("Psot", 2, 4, (0, 1, 11, 12, 13, 14, psot - 1, psot + 1, psot + 2, 2**31, 2**32 - 1)),
        ("TPsot", 6, 1, (1, 2, 255)),
        ("TNsot", 7, 1, (0, 2, 255)),
    ):
        for value in values:
            sot = stream.sot[:at] + value.to_bytes(width, "big") + stream.sot[at + width :]
            right = name == "Psot"
            psot_told = sot if right else sot[:2] + psot.to_bytes(4, "big") + sot[6:]
            yield f"SOT: {name} is {value:#x}", replace(stream, sot=psot_told, lies=True)
    twice = stream.tile_part()
    yield "tile-part twice", replace(stream, eoc=twice + stream.eoc)
    second = twice[:10] + b"\1\2" + twice[12:]
    first = replace(stream, sot=stream.sot[:6] + b"\0\2")
    yield "two tile-parts", replace(first, eoc=second + stream.eoc)
    empty = b"\xff\x90\0\x0a\0\0" + _u32(14) + b"\1\2\xff\x93"
    yield "an empty second tile-part", replace(first, eoc=empty + stream.eoc)
    yield (
        "a thousand empty tile-parts",
        replace(
            replace(stream, sot=stream.sot[:7] + b"\0"),
            eoc=b"".join(empty[:10] + bytes((n % 256, 0)) + empty[12:] for n in range(1, 1000))
            + stream.eoc,
        ),
    )


#: Packets of these are what the file holds, or the number of parts is not told, as it need not be.
_ALLOWED = frozenset(("two tile-parts", "an empty second tile-part", "SOT: TNsot is 0x0"))


def variants(base: Base) -> Iterator[Variant]:
    """Yield files one of whose codestreams says something else of itself."""
    if codec_of(base) not in ("htj2k", "jpeg2000"):
        return
    stream = split(parts_of(base).frames[1])
    yield from _fields(base, stream)
    kept = codec_of(base) == "jpeg2000"  # delivered as it stands, and more of it is legal
    for rule in (_sizes, _tile_parts):
        for name, other in rule(stream):
            how = name in _ALLOWED or "precincts" in name or (kept and not name.startswith("SIZ"))
            yield from _lie(base, name, other, how=how)
