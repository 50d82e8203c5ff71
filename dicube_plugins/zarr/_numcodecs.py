"""The codec for numcodecs: Zarr version 2, and references in the form of kerchunk."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
from numcodecs.abc import Codec
from numcodecs.compat import ensure_contiguous_ndarray, ndarray_copy

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
        """Encode one chunk, an array of shape (..., rows, columns) with ones before the rows."""
        return self._chunk.encode(np.asarray(buf))

    def decode(self, buf: Any, out: Any = None) -> Any:
        """Decode one chunk to an array of shape (rows, columns), or into a buffer."""
        data = ensure_contiguous_ndarray(buf).tobytes()
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
