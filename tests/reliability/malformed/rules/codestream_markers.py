"""Every marker of a codestream: removed, doubled, moved, of another length, where none belongs."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from reliability.malformed.rules._codestream import Segment, Stream, split
from reliability.malformed.rules._file import parts_of
from reliability.malformed.rules._frames import codec_of, with_frame
from reliability.malformed.rules._ways import NOTHING, changed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from reliability.malformed.variant import Base, Variant

__all__ = ["variants"]

_FAMILY = "codestream markers"
#: Segments that change nothing of the pixels, but the bytes of the frame.
_OTHER_BYTES = frozenset(("slices",))
#: They say how packets are to be read.
_HOW = frozenset(("pixels", "slices"))
_IGNORED = frozenset(("COM", "CRG", "PRF", "CPF", "PLT", "PLM", "TLM"))
#: Markers that may not stand there or must not be believed, with a body such as they have.
_ADDED = (
    Segment(0xFF53, b"\0\0\4\4\4\0\1"),  # COC
    Segment(0xFF53, b"\0\0\x20\4\4\x40\1"),
    Segment(0xFF5D, b"\0\x20" + bytes(16)),  # QCC
    Segment(0xFF5E, b"\0\0\x1f"),  # RGN
    Segment(0xFF5F, b"\0\0\0\1\x06\1\2"),  # POC
    Segment(0xFF55, b"\0\x40\0\0\0\x0e"),  # TLM, wrong
    Segment(0xFF55, b"\0\x40"),
    Segment(0xFF55, b"\0\xff\0\0\0\0"),
    Segment(0xFF58, b"\0\x01\x02\x03"),  # PLT
    Segment(0xFF57, b"\0\x00\x00\x00\x00"),  # PLM
    Segment(0xFF60, b"\0\0\0\0\2\xc0\0"),  # PPM
    Segment(0xFF60, b"\0" + b"\xff" * 8),
    Segment(0xFF61, b"\0\xc0\0"),  # PPT
    Segment(0xFF63, b"\0\0\0\0"),  # CRG
    Segment(0xFF64, b"\0\1text"),  # COM
    Segment(0xFF64, b""),
    Segment(0xFF64, b"\0\1" + b"x" * 60_000),
    Segment(0xFF56, b"\0\1"),  # PRF
    Segment(0xFF59, b"\0\1"),  # CPF
    Segment(0xFF72, b"\0\1\4\0"),  # DFS
    Segment(0xFF76, b"\0\0\1\xff"),  # NLT
    Segment(0xFF79, bytes(12)),  # ATK
    Segment(0xFF30, b"ab"),
    Segment(0xFF4F, b"ab"),
    Segment(0xFF92, b"\0\0"),
    Segment(0xFF93, b"ab"),
    Segment(0xFFD9, b"ab"),
    Segment(0xFFFF, b"ab"),
    Segment(0x0000, b"ab"),
)


def _main(stream: Stream) -> Iterator[tuple[str, Stream]]:
    """Yield streams with one segment of the main header gone, again, moved or of other length."""
    main = stream.main
    for number, segment in enumerate(main):
        name, before, after = segment.name, main[:number], main[number + 1 :]
        yield f"{name} removed", stream.with_main(*before, *after)
        yield f"{name} doubled", stream.with_main(*before, segment, segment, *after)
        yield f"{name} at the end", stream.with_main(*before, *after, segment)
        yield f"{name} at the start", stream.with_main(segment, *before, *after)
        yield f"{name} in the tile-part", replace(stream, main=before + after, tile=(segment,))
        right = len(segment.body) + 2
        for length in sorted({0, 1, 2, 3, right - 1, right + 1, right + 2, 1000, 65535} - {right}):
            lying = replace(segment, length=length)
            yield f"{name} says length {length}", stream.with_main(*before, lying, *after)
        for size in sorted({0, 1, len(segment.body) - 1, len(segment.body) + 1}):
            cut = replace(segment, body=segment.body[:size].ljust(size, b"\0"))
            yield f"{name} of {size} bytes", stream.with_main(*before, cut, *after)
        for marker in (0xFF30, 0xFF00, segment.marker ^ 1, segment.marker & 0xFF):
            other = replace(segment, marker=marker)
            yield f"{name} is {marker:04X}", stream.with_main(*before, other, *after)


def _frame_of(stream: Stream) -> Iterator[tuple[str, Stream]]:
    """Yield streams without, or with too many, of the markers that have no segment."""
    for field in ("soc", "sod", "eoc"):
        marker = getattr(stream, field)
        for what, value in (
            ("removed", b""),
            ("doubled", marker * 2),
            ("cut", marker[:1]),
            ("zero", b"\0\0"),
            ("FFFF", b"\xff\xff"),
        ):
            yield f"{field.upper()} {what}", replace(stream, **{field: value})
    yield "EOC and a zero", replace(stream, eoc=stream.eoc + b"\0")
    yield "EOC and two zeros", replace(stream, eoc=stream.eoc + b"\0\0")
    yield "SOT removed", replace(stream, soc=stream.soc, sot=b"", lies=True)
    yield "no packets", replace(stream, packets=b"")
    yield "one packet byte", replace(stream, packets=stream.packets[:1])
    yield "half of the packets", replace(stream, packets=stream.packets[: len(stream.packets) // 2])
    yield "packets twice", replace(stream, packets=stream.packets * 2)
    yield "packets of zeros", replace(stream, packets=bytes(len(stream.packets)))
    yield "packets of ones", replace(stream, packets=b"\xff" * len(stream.packets))


def _added(stream: Stream) -> Iterator[tuple[str, Stream]]:
    for number, segment in enumerate(_ADDED):
        name = f"{segment.name} ({number}) added"
        yield f"{name} to the main header", stream.with_main(*stream.main, segment)
        yield f"{name} to the tile-part", replace(stream, tile=(*stream.tile, segment))
    many = [Segment(0xFF64, b"\0\1")] * 20_000
    yield "20000 COM added to the main header", stream.with_main(*stream.main, *many)
    yield "20000 COM added to the tile-part", replace(stream, tile=tuple(many))
    size = len(stream.tile_part()).to_bytes(4, "big")
    right = Segment(0xFF55, b"\0\x40" + size)
    yield "TLM (right) added", stream.with_main(*stream.main, right)


def _pack(stream: Stream, _: bytes) -> bytes:
    return stream.pack()


#: The packets are what the file holds, and all of them are there.
_OTHER_PACKETS = frozenset(
    ("SOD doubled", "no packets", "one packet byte", "packets of zeros", "packets of ones")
)


def _free(name: str, codec: str) -> frozenset[str]:
    if name in _OTHER_PACKETS or "half" in name or name == "packets twice":
        return _HOW
    if name.startswith("FF93 (") and name.endswith("tile-part"):  # SOD: the packets begin there
        return _HOW
    if codec == "jpeg2000" and not name.startswith(("SIZ", "SOC")):
        # Kept frames are delivered as they stand; of JPEG 2000 more is legal than is checked.
        return _HOW
    ignored = name.split(" ")[0] in _IGNORED or "COM" in name
    return _OTHER_BYTES if ignored or name.endswith(("at the end", "at the start")) else NOTHING


def variants(base: Base) -> Iterator[Variant]:
    """Yield files one of whose codestreams has other markers."""
    codec = codec_of(base)
    if codec not in ("htj2k", "jpeg2000"):
        return
    stream = split(parts_of(base).frames[1])
    rules: tuple[Callable[[Stream], Iterator[tuple[str, Stream]]], ...] = (_main, _frame_of, _added)
    seen = set()
    for rule in rules:
        for name, other in rule(stream):
            if name in seen:
                continue
            seen.add(name)
            change = partial(with_frame, 1, partial(_pack, other))
            yield from changed(
                base,
                _FAMILY,
                name,
                change,
                may_differ=_free(name, codec),
                damaged="removed" in name,
            )
