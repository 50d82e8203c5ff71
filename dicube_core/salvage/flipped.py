"""Find the one bit that was flipped, from the checksum that does not match any more.

CRC-32 gives every single flipped bit of a part a difference of its own. Other damage may look
like one flipped bit by chance (bits of the part in 2**32), so whoever uses this needs another
proof as well.
"""

from __future__ import annotations

from functools import cache

from dicube_core.checksum import crc32

__all__ = ["with_bit_restored"]

_POLYNOMIAL = 0xEDB88320
#: Longer parts are not tried: one step per byte.
_LONGEST = 16 << 20


@cache
def _table() -> tuple[tuple[int, ...], dict[int, int]]:
    """Return what a byte makes of the register, and which byte has made its top byte."""
    forward = []
    for value in range(256):
        register = value
        for _ in range(8):
            register = (register >> 1) ^ (_POLYNOMIAL if register & 1 else 0)
        forward.append(register)
    return tuple(forward), {register >> 24: value for value, register in enumerate(forward)}


def with_bit_restored(data: bytes, crc: int) -> bytes | None:
    """Return `data` with the one bit changed that makes it match `crc`, None if there is none."""
    if len(data) > _LONGEST:
        return None
    forward, backward = _table()
    single = {forward[1 << bit]: bit for bit in range(8)}
    difference = crc32(data) ^ crc
    # Undo, byte by byte from the end, what the bytes behind the flipped one did to it.
    for position in range(len(data) - 1, -1, -1):
        bit = single.get(difference)
        if bit is not None:
            restored = bytearray(data)
            restored[position] ^= 1 << bit
            return bytes(restored) if crc32(bytes(restored)) == crc else None
        value = backward[difference >> 24]
        difference = ((difference ^ forward[value]) << 8 | value) & 0xFFFFFFFF
    return None
