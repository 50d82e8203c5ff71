"""Parts of the extension block: missing, doubled, empty, unknown, lying."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import zstandard

from reliability.malformed.rules._columns import with_part
from reliability.malformed.rules._file import Part, parts_of
from reliability.malformed.rules._json import WRONG, dumped, places, replaced
from reliability.malformed.rules._ways import NOTHING, NUMBERS, changed
from reliability.malformed.rules.directory import FREE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from reliability.malformed.rules._file import Parts
    from reliability.malformed.variant import Base, Variant

__all__ = ["variants"]

_FAMILY = "extension parts"
_UNKNOWN = b"NEWP"


def _cut_end(payload: bytes) -> bytes:
    return payload[:-1]


def _one_more(payload: bytes) -> bytes:
    return payload + b"\0"


def _nothing(_: bytes) -> bytes:
    return b""


def _zeros(payload: bytes) -> bytes:
    return bytes(len(payload))


def _ones(payload: bytes) -> bytes:
    return b"\xff" * len(payload)


def _backwards(payload: bytes) -> bytes:
    return payload[::-1]


def _doubled(payload: bytes) -> bytes:
    return payload * 2


def _large(_: bytes) -> bytes:
    return bytes(4 << 20)


_PAYLOADS: tuple[tuple[str, Callable[[bytes], bytes]], ...] = (
    ("a byte short", _cut_end),
    ("a byte more", _one_more),
    ("empty", _nothing),
    ("zeros", _zeros),
    ("all bits set", _ones),
    ("backwards", _backwards),
    ("twice over", _doubled),
    ("four megabytes of zeros", _large),
)


def _without(tag: bytes, parts: Parts) -> Parts:
    return replace(parts, extension=tuple(p for p in parts.extension if p.tag != tag))


def _added(part: Part, parts: Parts) -> Parts:
    return replace(parts, extension=(*parts.extension, part))


def _added_copy(tag: bytes, parts: Parts) -> Parts:
    return _added(next(p for p in parts.extension if p.tag == tag), parts)


def _other_order(parts: Parts) -> Parts:
    return replace(parts, extension=parts.extension[::-1])


def _flags(flags: int, tag: bytes, parts: Parts) -> Parts:
    new = (replace(p, flags=flags) if p.tag == tag else p for p in parts.extension)
    return replace(parts, extension=tuple(new))


def _from_other(tag: bytes, other: bytes, parts: Parts) -> Parts:
    return with_part(tag, lambda _: parts.part(other), parts)


def _number(at: int, value: int, payload: bytes) -> bytes:
    return payload[:at] + value.to_bytes(4, "little") + payload[at + 4 :]


def _map_lies(base: Base) -> Iterator[Variant]:
    """Yield frame maps that say what they may not."""
    payload = parts_of(base).part(b"FRAM")
    values = sorted({0, 1, 2, 3, 4, *(n for n in NUMBERS if n < 2**32)})
    for at in range(0, len(payload), 4):
        for value in values:
            change = partial(with_part, b"FRAM", partial(_number, at, value))
            yield from changed(base, _FAMILY, f"FRAM: number {at // 4} is {value:#x}", change)
    turned = payload[:8] + b"".join(payload[at : at + 8] for at in range(len(payload) - 8, 0, -8))
    change = partial(with_part, b"FRAM", lambda _: turned)
    # Frames of one instance in another order are as good a map as the first.
    free = frozenset(("headers", "slices", "metadata", "geometry", "facts"))
    yield from changed(base, _FAMILY, "FRAM: frames in the other order", change, may_differ=free)


def _resolution_lies(base: Base) -> Iterator[Variant]:
    """Yield tables of resolutions that say what they may not, of the first frame and the last."""
    payload = parts_of(base).part(b"RESL")
    row = 8 * int.from_bytes(payload[:4], "little")
    values = sorted({0, 1, 2, 5, 60, *(n for n in NUMBERS if n < 2**32)})
    for at in (*range(0, 4 + row, 4), *range(len(payload) - row, len(payload), 4)):
        for value in values:
            change = partial(with_part, b"RESL", partial(_number, at, value))
            yield from changed(base, _FAMILY, f"RESL: number {at // 4} is {value:#x}", change)
    turned = payload[:4] + payload[-row:] + payload[4:-row]
    change = partial(with_part, b"RESL", lambda _: turned)
    yield from changed(base, _FAMILY, "RESL: rows of other frames", change)


def _json_part(path: tuple[str | int, ...], value: Any, payload: bytes) -> bytes:
    document = json.loads(zstandard.decompress(payload))
    return zstandard.compress(dumped(replaced(document, path, value)))


def _kept_lies(base: Base) -> Iterator[Variant]:
    document = json.loads(zstandard.decompress(parts_of(base).part(b"ENCP")))
    hexadecimal = {"odd hex": "abc", "hex of nothing": "00", "long hex": "e07f1000" * 1000}
    for path in places(document):
        for what, value in {**WRONG, **hexadecimal}.items():
            change = partial(with_part, b"ENCP", partial(_json_part, path, value))
            name = f"ENCP: {'.'.join(map(str, path))} is {what}"
            yield from changed(base, _FAMILY, name, change, may_differ=FREE[b"ENCP"])


def _of_part(base: Base, tag: bytes, tags: list[bytes]) -> Iterator[Variant]:
    """Yield files in which one part is missing, there twice, or of another payload."""
    parts = parts_of(base)
    told, needed = tag.decode(), tag == b"FCRC"
    free = FREE.get(tag, NOTHING)
    missing = partial(_without, tag)
    yield from changed(
        base,
        _FAMILY,
        f"{told}: missing",
        missing,
        refused=needed,
        may_differ=free,
        nothing_to_compare=tag == b"HDRS",
    )
    doubled = partial(_added_copy, tag)
    yield from changed(base, _FAMILY, f"{told}: doubled", doubled, refused=True)
    for flags in (0, 1, 2, 0xFFFFFFFF):
        change = partial(_flags, flags, tag)
        yield from changed(base, _FAMILY, f"{told}: flags {flags:#x}", change)
    for what, rule in _PAYLOADS:
        change, name = partial(with_part, tag, rule), f"{told}: {what}"
        yield from changed(base, _FAMILY, name, change, refused=needed, damaged=not needed)
    for other in tags:
        if other not in (tag, b"FCRC") and not needed and parts.part(other) != parts.part(tag):
            change = partial(_from_other, tag, other)
            yield from changed(base, _FAMILY, f"{told}: that of {other.decode()}", change)


def variants(base: Base) -> Iterator[Variant]:
    """Yield files whose extension parts are not as they should be."""
    if not base.checksums:
        return
    tags = [part.tag for part in parts_of(base).extension]
    for tag in tags:
        yield from _of_part(base, tag, tags)
    for flags, refused in ((0, False), (1, True), (2, False), (0xFFFFFFFF, True)):
        for size in (0, 10, 70_000):
            change = partial(_added, Part(_UNKNOWN, bytes(size), flags))
            name = f"unknown part of {size} bytes, flags {flags:#x}"
            yield from changed(base, _FAMILY, name, change, refused=refused)
    for tag in (b"HDRS", b"SRCH", b"ENCP", b"FRAM", b"RESL"):
        if tag not in tags:
            change = partial(_added, Part(tag, bytes(24)))
            name = f"{tag.decode()}: of zeros, where none is"
            yield from changed(base, _FAMILY, name, change, may_differ=FREE.get(tag, NOTHING))
    yield from changed(base, _FAMILY, "parts in the other order", _other_order)
    if b"FRAM" in tags:
        yield from _map_lies(base)
    if b"RESL" in tags:
        yield from _resolution_lies(base)
    if b"ENCP" in tags:
        yield from _kept_lies(base)
