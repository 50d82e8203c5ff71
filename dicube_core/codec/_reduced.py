"""Lower resolutions of a codestream as values that mean something.

The low-pass filter of the reversible wavelet overshoots at edges: a lower resolution holds numbers
beyond those that its depth can say. Decoders clip them (ITU-T T.800 annex G.1.2), OpenJPH through
imagecodecs lets them wrap around, so that black becomes white: they are decoded into a wider type,
and where there is none, not at all. And there is nothing to be averaged in indices of a palette,
nor in words whose spare bits hold something else than the pixel.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dicube_core.codec._segments import Coding
    from dicube_core.codec.base import Codestream, StoredValues
    from dicube_core.pixels import PixelFormat

__all__ = ["can_be_reduced", "clipped", "every_nth", "widened"]

#: Where SIZ says depth and sign of the first component, behind SOC and the fixed fields.
_SSIZ_OFFSET = 42
_SIGNED = 0x80
#: Iterated without end, the filter takes a number to less than four times its range.
_ROOM = 3
#: Of the widest type that is decoded to.
_WIDEST = 32


def can_be_reduced(coding: Coding, pixel_format: PixelFormat) -> bool:
    """Tell whether the numbers of a codestream are the pixels', so that averages of them are.

    And whether these can be had: of samples deeper than 29 bits they cannot.
    """
    fits = coding.precision + _ROOM <= _WIDEST
    return not pixel_format.is_palette and fits and coding.precision == pixel_format.bits_stored


def every_nth(values: StoredValues, level: int) -> StoredValues:
    """Return every ``2**level``-th pixel: those that the samples of a lower resolution stand at."""
    step = 1 << level
    return values[::step, ::step]


def widened(codestream: Codestream, coding: Coding) -> Codestream:
    """Return the codestream with room for what lies beyond its depth, itself where there is room.

    It says that its samples are signed, which a decoder adds nothing to, and have more bits.
    """
    if _has_room(coding):
        return codestream
    depth = coding.precision + _ROOM
    result = bytearray(codestream)
    for component in range(coding.components):
        result[_SSIZ_OFFSET + 3 * component] = _SIGNED | (depth - 1)
    return result


def _has_room(coding: Coding) -> bool:
    """Tell whether what lies beyond the depth fits the type that is decoded to."""
    return 8 < coding.precision <= 16 - _ROOM or 16 < coding.precision <= _WIDEST - _ROOM


def clipped(values: StoredValues, coding: Coding, out: StoredValues) -> StoredValues:
    """Fill `out` with what was decoded of a `widened` codestream, within its own depth."""
    import numpy as np

    half = 1 << (coding.precision - 1)
    # Two ufuncs: np.clip takes longer than all else that is done to a small frame.
    if _has_room(coding) and not coding.signed:
        # What is below zero came out as a large number.
        values = values.view(f"i{values.dtype.itemsize}")
        np.maximum(values, 0, out=values)
        np.minimum(values, 2 * half - 1, out=out, casting="unsafe")
        return out
    np.maximum(values, -half, out=values)
    if coding.signed:
        np.minimum(values, half - 1, out=out, casting="unsafe")
    else:
        np.minimum(values, half - 1, out=values)
        np.add(values, half, out=out, casting="unsafe")
    return out
