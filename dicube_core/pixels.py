"""How the stored values of one frame lie in memory (DICOM PS3.3 C.7.6.3, PS3.5 section 8)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from dicube_core.exceptions import UnsupportedKindError

if TYPE_CHECKING:
    import numpy as np

    S = TypeVar("S", bound=tuple[int, ...])
    D = TypeVar("D", bound=np.generic)

__all__ = ["DTYPE_BITS", "REAL_BITS", "STORED_TYPES", "PixelFormat"]

#: numpy name -> (bits allocated, pixel representation). The one table of its kind.
DTYPE_BITS: dict[str, tuple[int, int]] = {
    "uint8": (8, 0),
    "int8": (8, 1),
    "uint16": (16, 0),
    "int16": (16, 1),
    "uint32": (32, 0),
    "int32": (32, 1),
    "uint64": (64, 0),
    "int64": (64, 1),
}
#: numpy name -> bits allocated of real values (PS3.3 C.7.6.24 and C.7.6.25).
REAL_BITS: dict[str, int] = {"float32": 32, "float64": 64}
#: All types that frames are stored as.
STORED_TYPES: tuple[str, ...] = (*DTYPE_BITS, *REAL_BITS)
_NAMES = {bits: name for name, bits in DTYPE_BITS.items()}
_NAMES[1, 0] = "uint8"
_REAL_NAMES = {bits: name for name, bits in REAL_BITS.items()}
#: Two pixels share their colour (PS3.3 C.7.6.3.1.2).
_SUBSAMPLED = frozenset(("YBR_FULL_422",))


@dataclass(frozen=True, slots=True)
class PixelFormat:
    """Shape and bit fields shared by all frames of a series.

    Parameters
    ----------
    rows, columns : int
        Frame size.
    bits_allocated : int
        1, 8, 16, 32 or 64. One-bit frames are arrays of uint8 that hold 0 and 1. Integers of 64
        bits come from sources that are not DICOM.
    bits_stored : int
        Significant bits, ``1 <= bits_stored <= bits_allocated``.
    pixel_representation : int
        0 unsigned, 1 two's complement.
    high_bit : int, optional
        Position of the most significant bit; ``bits_stored - 1`` if not given.
    photometric_interpretation : str, optional
        As in the source.
    samples_per_pixel : int, optional
        1, or 3 for colour.
    planar_configuration : int, optional
        How colour lies in uncompressed DICOM: 0 pixel by pixel, 1 plane by plane (PS3.3
        C.7.6.3.1.3). Arrays are always pixel by pixel.
    real : bool, optional
        Floating point values, in Float or Double Float Pixel Data.

    Raises
    ------
    UnsupportedKindError
        Fields that cannot be, or that no frame is stored with.
    """

    rows: int
    columns: int
    bits_allocated: int
    bits_stored: int
    pixel_representation: int
    high_bit: int = -1
    photometric_interpretation: str = "MONOCHROME2"
    samples_per_pixel: int = 1
    planar_configuration: int = 0
    real: bool = False

    def __post_init__(self) -> None:
        if self.high_bit < 0:
            object.__setattr__(self, "high_bit", self.bits_stored - 1)
        if self.real:
            self._check_real()
        elif (self.bits_allocated, self.pixel_representation) not in _NAMES:
            raise UnsupportedKindError(
                f"BitsAllocated {self.bits_allocated} with PixelRepresentation "
                f"{self.pixel_representation} is not supported (1, 8, 16 or 32 bits, 0 or 1)"
            )
        self._check_samples()
        if not 1 <= self.bits_stored <= self.bits_allocated:
            raise UnsupportedKindError(
                f"BitsStored {self.bits_stored} does not fit BitsAllocated {self.bits_allocated}"
            )
        if self.rows < 1 or self.columns < 1:
            raise UnsupportedKindError(f"frame size {self.rows}x{self.columns} is empty")

    def __str__(self) -> str:
        """Say what a frame is, as errors do."""
        sign = "signed" if self.pixel_representation else "unsigned"
        text = (
            f"{self.rows}x{self.columns}, {self.bits_allocated} bits ({self.bits_stored} stored, "
            f"high bit {self.high_bit}), {'real' if self.real else sign}, "
            f"{self.photometric_interpretation}"
        )
        if self.is_colour:
            text += f", planar configuration {self.planar_configuration}"
        return text

    def _check_real(self) -> None:
        if self.bits_allocated not in _REAL_NAMES or self.samples_per_pixel != 1:
            raise UnsupportedKindError(
                f"real values of {self.bits_allocated} bits, {self.samples_per_pixel} samples per "
                "pixel, are not supported (32 or 64 bits, 1 sample)"
            )

    def _check_samples(self) -> None:
        if self.samples_per_pixel not in (1, 3):
            raise UnsupportedKindError(
                f"SamplesPerPixel {self.samples_per_pixel} is not supported (1 or 3)"
            )
        if self.planar_configuration not in (0, self.samples_per_pixel // 3):
            raise UnsupportedKindError(
                f"PlanarConfiguration {self.planar_configuration} with "
                f"{self.samples_per_pixel} samples per pixel cannot be"
            )
        if self.is_colour and self.bits_allocated not in (8, 16, 32):
            raise UnsupportedKindError(f"colour of {self.bits_allocated} bits is not supported")
        if self.is_subsampled and (self.columns % 2 or self.planar_configuration):
            raise UnsupportedKindError(
                f"{self.photometric_interpretation} with {self.columns} columns and "
                f"PlanarConfiguration {self.planar_configuration} cannot be: two neighbours "
                "share their colour, pixel by pixel"
            )

    @classmethod
    def from_dtype(
        cls, dtype_name: str, rows: int, columns: int, samples_per_pixel: int = 1
    ) -> PixelFormat:
        """Describe frames of a numpy type that use their whole container; colour is RGB."""
        real = dtype_name in REAL_BITS
        if not real and dtype_name not in DTYPE_BITS:
            raise UnsupportedKindError(
                f"stored values of type {dtype_name!r} are not supported; "
                f"use one of {', '.join(STORED_TYPES)}"
            )
        bits, sign = (REAL_BITS[dtype_name], 0) if real else DTYPE_BITS[dtype_name]
        photometric = "MONOCHROME2" if samples_per_pixel == 1 else "RGB"
        return cls(rows, columns, bits, bits, sign, -1, photometric, samples_per_pixel, 0, real)

    @property
    def dtype_name(self) -> str:
        """Name of the numpy type of the stored values."""
        if self.real:
            return _REAL_NAMES[self.bits_allocated]
        return _NAMES[self.bits_allocated, self.pixel_representation]

    @property
    def dtype(self) -> np.dtype[np.generic]:
        """Native-endian numpy type of the stored values."""
        import numpy as np

        return np.dtype(self.dtype_name)

    @property
    def shape(self) -> tuple[int, ...]:
        """(rows, columns), or (rows, columns, 3) for colour."""
        plane = (self.rows, self.columns)
        return plane if self.samples_per_pixel == 1 else (*plane, self.samples_per_pixel)

    @property
    def is_colour(self) -> bool:
        """Whether a pixel has three samples."""
        return self.samples_per_pixel == 3

    @property
    def is_palette(self) -> bool:
        """Whether stored values are indices of colours (PS3.3 C.7.6.3.1.2)."""
        return self.photometric_interpretation == "PALETTE COLOR"

    @property
    def is_subsampled(self) -> bool:
        """Whether two pixels share their colour in uncompressed DICOM."""
        return self.is_colour and self.photometric_interpretation in _SUBSAMPLED

    @property
    def container_bits(self) -> int:
        """Bits of one sample in an array: those allocated, or 8 for one."""
        return max(8, self.bits_allocated)

    @property
    def n_bytes(self) -> int:
        """Bytes of one frame of stored values as an array."""
        return self.rows * self.columns * self.samples_per_pixel * (self.container_bits // 8)

    @property
    def has_whole_words(self) -> bool:
        """Whether every bit of a stored word belongs to the pixel."""
        return self.bits_stored == self.bits_allocated

    @property
    def native_bits(self) -> int:
        """Bits of one frame in uncompressed DICOM (PS3.5 8.1.1).

        Frames of one-bit instances follow each other bit by bit, so that a frame may begin and
        end within a byte.
        """
        samples = 2 if self.is_subsampled else self.samples_per_pixel
        return self.rows * self.columns * samples * self.bits_allocated

    @property
    def native_length(self) -> int:
        """Bytes of one frame alone in uncompressed DICOM, without padding to an even length."""
        return -(-self.native_bits // 8)

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
            `stored` itself where the other bits add nothing, and where every bit counts: real
            values, and single bits.
        """
        if self.real or self.bits_allocated == 1:
            return stored
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
