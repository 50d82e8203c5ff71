"""How the stored values of one frame lie in memory (DICOM PS3.3 C.7.6.3, PS3.5 section 8)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from dicube_core.exceptions import UnsupportedKindError

if TYPE_CHECKING:
    import numpy as np

    S = TypeVar("S", bound=tuple[int, ...])
    D = TypeVar("D", bound=np.generic)

__all__ = ["DTYPE_BITS", "PixelFormat"]

#: numpy name -> (bits allocated, pixel representation). The one table of its kind.
DTYPE_BITS: dict[str, tuple[int, int]] = {
    "uint8": (8, 0),
    "int8": (8, 1),
    "uint16": (16, 0),
    "int16": (16, 1),
    "uint32": (32, 0),
    "int32": (32, 1),
}
_NAMES = {bits: name for name, bits in DTYPE_BITS.items()}


@dataclass(frozen=True, slots=True)
class PixelFormat:
    """Shape and bit fields shared by all frames of a series.

    Parameters
    ----------
    rows, columns : int
        Frame size.
    bits_allocated : int
        8, 16 or 32.
    bits_stored : int
        Significant bits, ``1 <= bits_stored <= bits_allocated``.
    pixel_representation : int
        0 unsigned, 1 two's complement.
    high_bit : int, optional
        Position of the most significant bit; ``bits_stored - 1`` if not given.
    photometric_interpretation : str, optional
        As in the source (``MONOCHROME1`` or ``MONOCHROME2``).
    samples_per_pixel : int, optional
        Only 1 is stored today.
    """

    rows: int
    columns: int
    bits_allocated: int
    bits_stored: int
    pixel_representation: int
    high_bit: int = -1
    photometric_interpretation: str = "MONOCHROME2"
    samples_per_pixel: int = 1

    def __post_init__(self) -> None:
        if self.high_bit < 0:
            object.__setattr__(self, "high_bit", self.bits_stored - 1)
        if (self.bits_allocated, self.pixel_representation) not in _NAMES:
            raise UnsupportedKindError(
                f"BitsAllocated {self.bits_allocated} with PixelRepresentation "
                f"{self.pixel_representation} is not supported (8, 16 or 32 bits, 0 or 1)"
            )
        if not 1 <= self.bits_stored <= self.bits_allocated:
            raise UnsupportedKindError(
                f"BitsStored {self.bits_stored} does not fit BitsAllocated {self.bits_allocated}"
            )
        if self.rows < 1 or self.columns < 1:
            raise UnsupportedKindError(f"frame size {self.rows}x{self.columns} is empty")

    @classmethod
    def from_dtype(cls, dtype_name: str, rows: int, columns: int) -> PixelFormat:
        """Describe frames of a numpy integer type that use their whole container."""
        try:
            bits, sign = DTYPE_BITS[dtype_name]
        except KeyError:
            raise UnsupportedKindError(
                f"stored values of type {dtype_name!r} are not supported; "
                f"use one of {', '.join(DTYPE_BITS)}"
            ) from None
        return cls(rows, columns, bits, bits, sign)

    @property
    def dtype_name(self) -> str:
        """Name of the numpy type of the stored values."""
        return _NAMES[self.bits_allocated, self.pixel_representation]

    @property
    def dtype(self) -> np.dtype[np.generic]:
        """Native-endian numpy type of the stored values."""
        import numpy as np

        return np.dtype(self.dtype_name)

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, columns)."""
        return self.rows, self.columns

    @property
    def n_bytes(self) -> int:
        """Bytes of one frame of stored values."""
        return self.rows * self.columns * (self.bits_allocated // 8)

    def pixel_values(self, stored: np.ndarray[S, np.dtype[D]]) -> np.ndarray[S, np.dtype[D]]:
        """Return the bits of stored words that are the pixel, with their sign (PS3.5 8.1.1).

        The other bits of a word may hold anything, such as an overlay or a sign that was not
        carried upwards. They are stored, but they are no part of the pixel's value.

        Parameters
        ----------
        stored : ndarray
            Of the format's dtype.

        Returns
        -------
        ndarray of the same shape and type
            `stored` itself where the other bits add nothing.
        """
        spare = self.bits_allocated - self.bits_stored
        above = self.bits_allocated - 1 - self.high_bit
        if not 0 <= above <= spare:
            above = spare  # a HighBit that cannot be; readers count from bit 0 then
        if not spare or not stored.size:
            return stored
        low = -(1 << (self.bits_stored - 1)) if self.pixel_representation else 0
        within = stored.min() >= low and stored.max() < low + (1 << self.bits_stored)
        if above == spare and within:
            return stored
        result: np.ndarray[S, np.dtype[D]] = (stored << above) >> spare  # type: ignore[operator]
        return result
