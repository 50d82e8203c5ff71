"""One frame per chunk: what a codec is told of it, and how it is encoded and decoded."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, fields
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from dicube_core.checksum import crc32
from dicube_core.codec.registry import get_codec
from dicube_core.exceptions import ChecksumError, DataConsistencyError, MetaDataError
from dicube_core.pixels import PixelFormat

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

__all__ = ["FrameChunk", "frame_chunk"]

_FIELDS = tuple(field.name for field in fields(PixelFormat))


@dataclass(frozen=True)
class FrameChunk:
    """A chunk that is one frame. Immutable, hashable, picklable, safe for several threads.

    Parameters
    ----------
    pixel_format : PixelFormat
        Shape and bits of the frame.
    codec : str
        Name of the codec of this package.
    checksums : tuple of int, optional
        CRC-32 of every chunk that there is; others are refused.
    """

    pixel_format: PixelFormat
    codec: str = "htj2k"
    checksums: tuple[int, ...] | None = None

    @classmethod
    def of_config(cls, config: Mapping[str, Any]) -> Self:
        """Make the description that a configuration, of JSON values, holds.

        Raises
        ------
        MetaDataError
            A key is unknown or missing, or has a value that cannot be.
        """
        values = dict(config)
        codec, crcs = values.pop("codec", "htj2k"), values.pop("crc32", None)
        unknown = sorted(set(values) - set(_FIELDS))
        try:
            if unknown:
                raise TypeError(f"unknown: {', '.join(unknown)}")  # noqa: TRY301
            fmt = PixelFormat(**values)
            checksums = None if crcs is None else tuple(int(crc) for crc in crcs)
        except (TypeError, ValueError) as exc:
            raise MetaDataError(f"configuration of the codec 'dicube.frame': {exc}") from exc
        return cls(fmt, str(codec), checksums)

    def to_config(self) -> dict[str, Any]:
        """Return the configuration, of JSON values."""
        config = {"codec": self.codec, **asdict(self.pixel_format)}
        return config if self.checksums is None else config | {"crc32": list(self.checksums)}

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the decoded values."""
        return np.dtype(self.pixel_format.dtype)

    def require_shape(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        """Refuse chunks that are not one such frame.

        Raises
        ------
        DataConsistencyError
            Names both shapes, and types.
        """
        wanted = self.pixel_format.shape
        before = shape[: len(shape) - len(wanted)]
        fits = shape[len(before) :] == wanted and math.prod(before) == 1
        if not fits or dtype.newbyteorder("=") != self.dtype:
            raise DataConsistencyError(
                f"a chunk of shape {shape} and type {dtype} is not one frame of {wanted} and "
                f"{self.dtype}, which the codec 'dicube.frame' is set to",
                suggestion="one frame per chunk: chunks=(1, rows, columns)",
            )

    def decode(self, data: bytes) -> npt.NDArray[Any]:
        """Compare one chunk with the checksums, then inspect and decode it.

        Returns
        -------
        ndarray of shape (rows, columns) or (rows, columns, 3)
            Stored values, without the bits that are none of the pixel's.

        Raises
        ------
        ChecksumError
            The bytes are none of those that the array was made of.
        DecodeError
            They are damaged, or no frame of this size, depth and sign.
        CodecUnavailableError
            The codec is not installed.
        """
        if self.checksums is not None and crc32(data) not in _lookup(self.checksums):
            raise ChecksumError(
                f"a chunk of {len(data)} bytes is none of the {len(self.checksums)} frames that "
                "the references were made of",
                suggestion="the file was replaced or is damaged: verify it, and make the "
                "references again. Arrays of several files are put together from references "
                "made with checksums=False",
            )
        values = get_codec(self.codec).decode(data, self.pixel_format)
        return self.pixel_format.pixel_values(values)

    def encode(self, values: npt.NDArray[Any]) -> bytes:
        """Encode one chunk; its values are what `decode` gives back.

        Raises
        ------
        DataConsistencyError
            Not one such frame, or the codec was made for the frames of a file.
        EncodeError
            The codec failed.
        """
        self.require_shape(values.shape, values.dtype)
        if self.checksums is not None:
            raise DataConsistencyError(
                "the configuration lists the frames of a file; what is written is none of them",
                suggestion="leave crc32 out; of a dataset of xarray that references opened, write "
                "dataset.drop_encoding()",
            )
        frame = values.reshape(self.pixel_format.shape)
        coded = get_codec(self.codec).encode(frame, self.pixel_format)
        if not _same_bits(self.decode(coded), frame):
            raise DataConsistencyError(
                f"values lie outside of the {self.pixel_format.bits_stored} bits of a pixel",
                suggestion="make the codec for the whole type",
            )
        return coded


def frame_chunk(
    dtype: Any, rows: int, columns: int, samples: int = 1, codec: str | None = None
) -> FrameChunk:
    """Return the description of chunks of a numpy type that use all of its bits.

    Parameters
    ----------
    dtype : dtype
        One of `dicube_core.pixels.STORED_TYPES`.
    rows, columns : int
        Size of a frame.
    samples : int, optional
        3 for RGB.
    codec : str, optional
        By default ``'htj2k'``; ``'pcodec'`` for real values and 64 bits.

    Raises
    ------
    UnsupportedKindError
        Another type.
    """
    kind = np.dtype(dtype)
    fmt = PixelFormat.from_dtype(kind.name, rows, columns, samples)
    wide = kind.kind == "f" or kind.itemsize > 4
    return FrameChunk(fmt, codec or ("pcodec" if wide else "htj2k"))


def _same_bits(first: npt.NDArray[Any], second: npt.NDArray[Any]) -> bool:
    native = np.ascontiguousarray(second, second.dtype.newbyteorder("="))
    return first.dtype == native.dtype and first.tobytes() == native.tobytes()


@lru_cache(maxsize=64)
def _lookup(checksums: tuple[int, ...]) -> frozenset[int]:
    return frozenset(checksums)
