"""Zstandard frames that take too much, or are not what they say (RFC 8878)."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING
from zlib import crc32

import zstandard

from reliability.malformed.rules._columns import with_part
from reliability.malformed.rules._file import parts_of
from reliability.malformed.rules._ways import NOTHING, changed
from reliability.malformed.rules.directory import FREE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from reliability.malformed.rules._file import Parts
    from reliability.malformed.variant import Base, Variant

__all__ = ["frame_of", "variants"]

_FAMILY = "Zstandard frames"
_MAGIC = b"\x28\xb5\x2f\xfd"
_BLOCK = 128 << 10
_TEXT = frozenset(("metadata", "facts"))


def frame_of(
    content: bytes | int,
    *,
    declared: int | None = None,
    window: int = 0x58,
    descriptor: int = 0,
    dictionary: bytes = b"",
) -> bytes:
    """Return a frame of raw blocks, or of so many blocks that repeat a blank.

    `window` 0x58 is two megabytes; `declared` is the content size that it tells, if any.
    """
    head = descriptor | (0xC0 if declared is not None else 0)
    head |= {0: 0, 1: 1, 2: 2, 4: 3}[len(dictionary)]
    front = _MAGIC + bytes((head,))
    front += b"" if head & 0x20 else bytes((window,))
    front += dictionary
    front += b"" if declared is None else declared.to_bytes(8, "little")
    blocks = []
    if isinstance(content, int):
        block = (_BLOCK << 3 | 2).to_bytes(3, "little") + b" "
        blocks = [block] * (content - 1)
        blocks.append((_BLOCK << 3 | 3).to_bytes(3, "little") + b" ")
    else:
        pieces = [content[i : i + _BLOCK] for i in range(0, len(content), _BLOCK)] or [b""]
        for number, piece in enumerate(pieces):
            last = number == len(pieces) - 1
            blocks.append((len(piece) << 3 | last).to_bytes(3, "little") + piece)
    return front + b"".join(blocks)


def _bomb(blocks: int, declared: int | None, _: bytes) -> bytes:
    return frame_of(blocks, declared=declared)


def _bomb_behind(blocks: int, packed: bytes) -> bytes:
    """Put blanks behind the content, which JSON takes no notice of."""
    content = zstandard.decompress(packed)
    front = frame_of(content)[: -3 - len(content)]
    body = (len(content) << 3).to_bytes(3, "little") + content
    return front + body + frame_of(blocks)[6:]


def _declared(size: int | None, packed: bytes) -> bytes:
    content = zstandard.decompress(packed)
    return frame_of(content, declared=size)


def _declared_off(step: int, packed: bytes) -> bytes:
    content = zstandard.decompress(packed)
    return frame_of(content, declared=len(content) + step)


def _window(window: int, packed: bytes) -> bytes:
    return frame_of(zstandard.decompress(packed), window=window)


def _dictionary(number: bytes, packed: bytes) -> bytes:
    return frame_of(zstandard.decompress(packed), dictionary=number)


def _descriptor(bits: int, packed: bytes) -> bytes:
    return frame_of(zstandard.decompress(packed), descriptor=bits)


def _skippable(length: int, body: bytes, packed: bytes) -> bytes:
    return b"\x50\x2a\x4d\x18" + length.to_bytes(4, "little") + body + packed


def _cut(part: float, packed: bytes) -> bytes:
    return packed[: max(1, int(len(packed) * part))]


def _cut_by(count: int, packed: bytes) -> bytes:
    return packed[:count] if count > 0 else packed[: len(packed) + count]


def _checksummed(right: bool, packed: bytes) -> bytes:
    made: bytes = zstandard.ZstdCompressor(write_checksum=True).compress(
        zstandard.decompress(packed)
    )
    return made if right else made[:-4] + crc32(made).to_bytes(4, "little")


def _concatenated(packed: bytes) -> bytes:
    content = zstandard.decompress(packed)
    half = len(content) // 2
    return zstandard.compress(content[:half]) + zstandard.compress(content[half:])


def _around(before: bytes, after: bytes, packed: bytes) -> bytes:
    return before + packed + after


def _twice(packed: bytes) -> bytes:
    return packed * 2


def _nested(packed: bytes) -> bytes:
    return zstandard.compress(packed)


def _constant(value: bytes, _: bytes) -> bytes:
    return value


def _block(kind: int, size: int, _: bytes) -> bytes:
    return _MAGIC + b"\0\x58" + (size << 3 | kind << 1 | 1).to_bytes(3, "little") + bytes(16)


def _bits(place: float, packed: bytes) -> bytes:
    at = int(len(packed) * place)
    return packed[:at] + bytes((packed[at] ^ 0x55,)) + packed[at + 1 :]


_RULES: dict[str, Callable[[bytes], bytes]] = {
    # 256 MB to 12 GB of blanks in 8 to 400 kilobytes.
    **{
        f"bomb of {blocks} blocks, declares {what}": partial(_bomb, blocks, declared)
        for blocks in (2_000, 9_000, 100_000)
        for what, declared in (("nothing", None), ("its size", blocks * _BLOCK), ("little", 100))
    },
    "bomb behind the content": partial(_bomb_behind, 9_000),
    "a megabyte of blanks behind the content": partial(_bomb_behind, 8),
    "no declared size": partial(_declared, None),
    **{
        f"declares {size:#x}": partial(_declared, size)
        for size in (0, 1, 2**30, 2**32, 2**40, 2**62, 2**63, 2**64 - 3, 2**64 - 2, 2**64 - 1)
    },
    **{f"declares {step:+d}": partial(_declared_off, step) for step in (-1, 1, 1000)},
    **{f"window {window:#x}": partial(_window, window) for window in (0, 0x88, 0x90, 0xA8, 0xFF)},
    **{f"dictionary {n.hex()}": partial(_dictionary, n) for n in (b"\1", b"\1\1", b"\xff" * 4)},
    "reserved bit": partial(_descriptor, 0x08),
    "unused bit": partial(_descriptor, 0x10),
    "says that a checksum follows": partial(_descriptor, 0x04),
    "skippable frame alone": partial(_constant, b"\x50\x2a\x4d\x18\x04\0\0\0abcd"),
    "skippable frame before": partial(_skippable, 4, b"abcd"),
    "skippable frame of 4 GB": partial(_skippable, 2**32 - 1, b""),
    "magic alone": partial(_constant, _MAGIC),
    "magic and zeros": partial(_constant, _MAGIC + bytes(1000)),
    "frame of nothing": partial(_constant, zstandard.compress(b"")),
    "frame of a zero": partial(_constant, zstandard.compress(b"\0")),
    "magic of an older version": partial(_constant, b"\x27\xb5\x2f\xfd" + bytes(50)),
    "magic of gzip": partial(_constant, b"\x1f\x8b\x08" + bytes(50)),
    "content not compressed": zstandard.decompress,
    "compressed twice": _nested,
    "twice": _twice,
    "in two frames": _concatenated,
    "garbage behind": partial(_around, b"", b"\xff" * 9),
    "zeros behind": partial(_around, b"", bytes(9)),
    "a zero before": partial(_around, b"\0", b""),
    "with a checksum": partial(_checksummed, True),
    "with a wrong checksum": partial(_checksummed, False),
    **{f"cut at {part}": partial(_cut, part) for part in (0.0, 0.1, 0.5, 0.9)},
    **{
        f"cut to {n}" if n > 0 else f"cut by {-n}": partial(_cut_by, n)
        for n in (2, 4, 5, 9, -1, -3)
    },
    **{
        f"block of kind {kind} and {size} bytes": partial(_block, kind, size)
        for kind in range(4)
        for size in (0, 1, 16, 17, (1 << 21) - 1)
    },
    **{f"inverted at {place}": partial(_bits, place) for place in (0, 0.02, 0.3, 0.6, 0.99)},
}


def _section(rule: Callable[[bytes], bytes], parts: Parts) -> Parts:
    return replace(parts, dicom_meta=rule(parts.dicom_meta))


def variants(base: Base) -> Iterator[Variant]:
    """Yield files one of whose Zstandard frames is not as it should be."""
    parts = parts_of(base)
    tags = {part.tag for part in parts.extension}
    for name, rule in _RULES.items():
        if parts.dicom_meta:
            change = partial(_section, rule)
            # Without a checksum of its own, a frame may hold another text.
            free = _TEXT if base.checksums else _TEXT | {"slices", "headers"}
            free = free if "inverted" in name else NOTHING
            told, cut = f"dicom_meta: {name}", "cut" in name
            yield from changed(base, _FAMILY, told, change, may_differ=free, damaged=cut)
        for tag in (b"HDRS", b"ENCP"):
            if tag in tags:
                change = partial(with_part, tag, rule)
                free = FREE[tag] if "inverted" in name else NOTHING
                told = f"{tag.decode()}: {name}"
                yield from changed(base, _FAMILY, told, change, may_differ=free)
