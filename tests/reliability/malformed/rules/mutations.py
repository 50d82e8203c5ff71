"""Damage by chance: bits, runs and blocks of a file, and two files spliced."""

from __future__ import annotations

import random
from functools import partial
from typing import TYPE_CHECKING

from reliability.malformed.variant import Variant

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from reliability.malformed.variant import Base

__all__ = ["mutations"]


def _place(data: bytes, rng: random.Random) -> int:
    # Half of them at the front, where all the numbers stand.
    return rng.randrange(min(len(data), 1024) if rng.random() < 0.5 else len(data))


def _bits(data: bytes, rng: random.Random) -> bytes:
    new = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 8, 64))):
        new[_place(data, rng)] ^= 1 << rng.randrange(8)
    return bytes(new)


def _run(data: bytes, rng: random.Random) -> bytes:
    start, size = _place(data, rng), rng.choice((1, 4, 8, 16, 100, 512))
    size = min(size, len(data) - start)
    new = rng.choice((bytes(size), b"\xff" * size, rng.randbytes(size)))
    return data[:start] + new + data[start + size :]


def _copied(data: bytes, rng: random.Random) -> bytes:
    size = rng.choice((8, 32, 100, 512))
    source, target = _place(data, rng), _place(data, rng)
    piece = data[source : source + size]
    return data[:target] + piece + data[target + len(piece) :]


def _removed(data: bytes, rng: random.Random) -> bytes:
    start, size = _place(data, rng), rng.choice((1, 2, 8, 100, 512))
    return data[:start] + data[start + size :]


def _inserted(data: bytes, rng: random.Random) -> bytes:
    start, size = _place(data, rng), rng.choice((1, 2, 8, 100, 512))
    return data[:start] + rng.randbytes(size) + data[start:]


def _swapped(data: bytes, rng: random.Random) -> bytes:
    size = rng.choice((8, 32, 128))
    first, second = sorted((_place(data, rng), _place(data, rng)))
    if first + size > second:
        return _bits(data, rng)
    one, two = data[first : first + size], data[second : second + size]
    return data[:first] + two + data[first + size : second] + one + data[second + len(two) :]


def _cut(data: bytes, rng: random.Random) -> bytes:
    size = _place(data, rng)
    return data[:size] + (bytes(len(data) - size) if rng.random() < 0.5 else b"")


_WAYS: dict[str, Callable[[bytes, random.Random], bytes]] = {
    "bits": _bits,
    "run": _run,
    "copied": _copied,
    "removed": _removed,
    "inserted": _inserted,
    "swapped": _swapped,
    "cut": _cut,
}


def _spliced(data: bytes, other: bytes, rng: random.Random) -> bytes:
    at = _place(data, rng)
    return data[:at] + other[at:] if rng.random() < 0.7 else other[:at] + data[at:]


def _mutated(base: Base, others: tuple[Base, ...], way: str, seed: str) -> bytes:
    rng = random.Random(seed)
    data = base.data
    whole = {base.data, *(other.data for other in others)}  # a splice may be all of the other
    while data in whole:
        if way == "spliced" and others:
            data = _spliced(base.data, rng.choice(others).data, rng)
        else:
            data = _WAYS.get(way, _bits)(base.data, rng)
    return data


def mutations(
    base: Base, count: int, seed: int, others: tuple[Base, ...] = ()
) -> Iterator[Variant]:
    """Yield `count` files that were damaged by chance, always the same for a `seed`.

    Parameters
    ----------
    base : Base
        What is damaged.
    count, seed : int
        How many, and which.
    others : tuple of Base, optional
        Files that it is spliced with.

    Notes
    -----
    In a file without checksums some of these cannot be told from what was written; only what
    `undetectable` says may differ there. Give them bases with checksums.
    """
    ways = [*_WAYS, *(["spliced"] if others else [])]
    for number in range(count):
        way = ways[number % len(ways)]
        make = partial(_mutated, base, others, way, f"{base.name} {seed} {number}")
        yield Variant(base.name, "mutations", f"{way} {seed}.{number}", make)
