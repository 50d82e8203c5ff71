"""Changes that know nothing of what the bytes are, for runs without the fuzzing engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from random import Random

__all__ = ["NUMBERS", "RandomChanges"]

#: Where arithmetic goes wrong.
NUMBERS = (0, 1, 2, 3, 7, 8, 16, 127, 128, 255, 256, 32767, 32768, 65535, 65536, 2**31 - 1, 2**31)
NUMBERS += (2**32 - 1, 2**32, 2**53 + 1, 2**62, 2**63 - 1, 2**63, 2**64 - 1)


class RandomChanges:
    """A `Plain` of a seeded generator."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng

    def __call__(self, data: bytes, max_size: int) -> bytes:
        """Return other bytes."""
        changed = bytearray(data or b"\0")
        for _ in range(self._rng.choice((1, 1, 1, 2, 4))):
            self._change(changed)
        return bytes(changed[:max_size])

    def _change(self, data: bytearray) -> None:
        rng = self._rng
        place = rng.randrange(len(data) + 1)
        run = slice(place, place + rng.choice((1, 1, 2, 4, 8, 32)))
        kind = rng.randrange(8)
        if kind == 0 and place < len(data):
            data[place] ^= 1 << rng.randrange(8)
        elif kind == 1:
            data[run] = rng.randbytes(len(data[run]))
        elif kind == 2:
            del data[run]
        elif kind == 3:
            data[place:place] = data[run]
        elif kind == 4:
            other = rng.randrange(len(data) + 1)
            data[other:other] = data[run]
        elif kind == 5:
            width = rng.choice((1, 2, 4, 8))
            number = rng.choice(NUMBERS) % (1 << 8 * width)
            data[place : place + width] = number.to_bytes(width, rng.choice(("little", "big")))
        elif kind == 6 and place < len(data):
            data[place] = (data[place] + rng.choice((-1, 1, 2, 16))) % 256
        else:
            del data[place + rng.randrange(1, 9) :]
