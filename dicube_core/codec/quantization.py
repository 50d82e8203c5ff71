"""Tell whether the exponents of a reversible codestream are plausible.

An exponent decides how many bit planes a subband is taken to have (ITU-T T.800 E.1). A decoder
believes it, so a single flipped bit gives wrong values without an error. For a given depth OpenJPH
always writes the same exponents, guard bits and magnitude bound, hence a header that differs
from them in exactly one place is taken for damage. Other encoders differ in many places.
"""

from __future__ import annotations

from functools import lru_cache

__all__ = ["magnitude_bound", "openjph_quantization", "quantization_problem"]


def openjph_quantization(bits: int, levels: int) -> tuple[int, int, bytes]:
    """Return (magnitude code, guard bits, exponents) as OpenJPH writes them for `bits`.

    The growth of each subband is the ceiling of the binary logarithm of the worst-case gain of
    the 5/3 wavelet; the numbers below hold for any number of decompositions.
    """
    growth = [2 if levels else 0]
    for level in range(levels, 0, -1):
        mixed = 2 if level == 1 else 3
        growth += (mixed, mixed, 4 if level > 5 else mixed)
    highest = bits + max(growth)
    guard_bits = max(1, highest - 31)
    exponents = bytes(bits + extra - guard_bits for extra in growth)
    return _magnitude_code(highest - 1), guard_bits, exponents


def _magnitude_code(bits: int) -> int:
    """Return the least code whose bound is at least `bits` (T.814 A.3.3)."""
    return next(code for code in range(32) if magnitude_bound(code) >= bits)


def magnitude_bound(code: int) -> int:
    """Return the number of magnitude bits that a code in CAP stands for."""
    if code < 20:
        return code + 8
    return 4 * (code - 19) + 27 if code < 31 else 74


@lru_cache(maxsize=64)
def quantization_problem(
    precision: int,
    levels: int,
    code: int,
    guard_bits: int,
    exponents: bytes,
    *,
    colour_transform: bool = False,
) -> str:
    """Return what is wrong with CAP and QCD of a reversible codestream, or ''.

    The reversible colour transform makes colour differences one bit deeper than the samples
    (T.800 G.2); OpenJPH then writes the exponents of that depth for all components.
    """
    found = (code, guard_bits, *exponents)
    for bits in {precision, 8, 16, 32}:
        depth = bits + colour_transform
        known_code, known_guard, known = openjph_quantization(depth, levels)
        expected = (known_code, known_guard, *known)
        differing = sum(a != b for a, b in zip(expected, found, strict=True))
        if differing == 0:
            return ""
        if differing == 1:
            return f"expected {expected} (magnitude code, guard bits, exponents), found {found}"
    highest = guard_bits + max(exponents) - 1
    if highest > magnitude_bound(code):
        return f"{highest} magnitude bits, but CAP allows {magnitude_bound(code)}"
    for first in range(1, len(exponents), 3):
        horizontal, vertical, diagonal = exponents[first : first + 3]
        if horizontal != vertical or not 0 <= diagonal - horizontal <= 1:
            return f"implausible exponents {tuple(exponents)}"
    return ""
