"""The codec for numcodecs: Zarr version 2, and references in the form of kerchunk."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
from numcodecs.abc import Codec
from numcodecs.compat import ensure_contiguous_ndarray, ndarray_copy

from dicube_core.exceptions import DataConsistencyError
from dicube_core.virtual_image import FRAME_CODEC
from dicube_plugins.zarr._frames import FrameChunk, frame_chunk

__all__ = ["FrameCodec"]


class FrameCodec(Codec):  # type: ignore[misc]
    """Encodes and decodes chunks that are one frame each, without loss; a compressor.

    Every chunk is inspected before it is decoded: it has to be a frame of the size, depth and
    sign that the configuration says. Safe for several threads; picklable.

    Parameters
    ----------
    codec : str, optional
        Name of the codec of this package: ``'htj2k'``, or ``'pcodec'`` for real values and 64
        bits.
    crc32 : list of int, optional
        CRC-32 of every chunk that there is; others are refused.
    **pixel_format : int, str or bool
        Fields of `dicube_core.pixels.PixelFormat`.

    Raises
    ------
    MetaDataError
        The configuration cannot be.
    """

    codec_id: ClassVar[str] = FRAME_CODEC

    def __init__(
        self, *, codec: str = "htj2k", crc32: list[int] | None = None, **pixel_format: Any
    ) -> None:
        self._chunk = FrameChunk.of_config({"codec": codec, "crc32": crc32, **pixel_format})

    @classmethod
    def for_frames(
        cls, dtype: Any, rows: int, columns: int, samples: int = 1, codec: str | None = None
    ) -> Self:
        """Return the codec for frames of a numpy type, to write an array with.

        Parameters
        ----------
        dtype : dtype
            Any that `dicube_core.pixels.STORED_TYPES` names.
        rows, columns : int
            Size of a frame, which is one chunk.
        samples : int, optional
            3 for RGB.
        codec : str, optional
            By default ``'htj2k'``; ``'pcodec'`` for real values and 64 bits.
        """
        return cls(**frame_chunk(dtype, rows, columns, samples, codec).to_config())

    def encode(self, buf: Any) -> bytes:
        """Encode one chunk, an array of shape (..., rows, columns) with ones before the rows.

        Raises
        ------
        DataConsistencyError
            Another shape or type; or numbers that are big endian, or column by column.
        """
        values = np.asarray(buf)
        _require_plain(values)
        return self._chunk.encode(values)

    def decode(self, buf: Any, out: Any = None) -> Any:
        """Decode one chunk to an array of shape (rows, columns), or into a buffer.

        Raises
        ------
        DataConsistencyError
            The buffer is an array of another type, or column by column.
        """
        data = ensure_contiguous_ndarray(buf).tobytes()
        if isinstance(out, np.ndarray):
            _require_plain(out)
            if out.dtype.itemsize > 1 and out.dtype != self._chunk.dtype:
                raise DataConsistencyError(
                    f"a frame of {self._chunk.dtype} is not decoded into an array of {out.dtype}"
                )
        values = self._chunk.decode(data)
        little = values.astype(values.dtype.newbyteorder("<"), copy=False)
        return little if out is None else ndarray_copy(little, out)

    def get_config(self) -> dict[str, Any]:
        """Return the configuration, of JSON values."""
        return {"id": self.codec_id, **self._chunk.to_config()}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Make the codec of a configuration without its ``id``."""
        return cls(**config)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._chunk.codec!r}, {self._chunk.pixel_format})"


def _require_plain(array: np.ndarray[Any, Any]) -> None:
    """Refuse arrays whose bytes Zarr takes for others when it has them back.

    What is decoded is little endian and row by row. Zarr version 2 does not look at the type and
    the order of it: it takes the bytes for those of its own array.
    """
    kind = array.dtype
    if kind != kind.newbyteorder("<"):
        raise DataConsistencyError(
            f"the codec 'dicube.frame' gives little-endian numbers, not {kind.str!r}",
            suggestion=f"make the array of type {kind.newbyteorder('<').str!r}",
        )
    if not array.flags.c_contiguous and array.flags.f_contiguous:
        raise DataConsistencyError(
            "the codec 'dicube.frame' gives frames row by row, not column by column",
            suggestion="make the array with order='C'",
        )
