"""The codec for Zarr version 3: from a chunk of numbers to the bytes of a frame, and back."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Never, Self

import numpy as np
from zarr.abc.codec import ArrayBytesCodec

from dicube_core.exceptions import DataConsistencyError, MetaDataError
from dicube_core.virtual_image import FRAME_CODEC
from dicube_plugins.zarr._frames import FrameChunk, frame_chunk

if TYPE_CHECKING:
    from zarr.core.array_spec import ArraySpec
    from zarr.core.buffer import Buffer, NDBuffer

__all__ = ["FrameBytesCodec"]


@dataclass(frozen=True)
class FrameBytesCodec(ArrayBytesCodec):  # type: ignore[misc]
    """Chunks that are one frame each, without loss; the serializer of an array.

    Every chunk is inspected before it is decoded, which is done in a thread. No other
    implementation of Zarr knows this codec.

    Parameters
    ----------
    chunk : FrameChunk, optional
        What a chunk is. Not needed to write an array whose last two axes are rows and columns:
        its shape and type say it.
    """

    chunk: FrameChunk | None = None

    is_fixed_size: ClassVar[bool] = False

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Make the codec that the metadata of an array names.

        Raises
        ------
        MetaDataError
            It is another one, or its configuration cannot be.
        """
        name, config = data.get("name"), data.get("configuration") or {}
        if name != FRAME_CODEC or not isinstance(config, dict):
            raise MetaDataError(f"{FRAME_CODEC!r} is expected, found {str(name)[:40]!r}")
        return cls(FrameChunk.of_config(config) if config else None)

    def to_dict(self) -> dict[str, Any]:
        """Return what the metadata of an array says of the codec."""
        config = {} if self.chunk is None else self.chunk.to_config()
        return {"name": FRAME_CODEC, "configuration": config}

    @property
    def codec_config(self) -> dict[str, Any]:
        """The same for Zarr version 2; VirtualiZarr asks for it by this name."""
        return {"id": FRAME_CODEC, **self.to_dict()["configuration"]}

    @classmethod
    def for_frames(
        cls, dtype: Any, rows: int, columns: int, samples: int = 1, codec: str | None = None
    ) -> Self:
        """Return the codec for frames of a numpy type; see `FrameCodec.for_frames`."""
        return cls(frame_chunk(dtype, rows, columns, samples, codec))

    def evolve_from_array_spec(self, array_spec: ArraySpec) -> FrameBytesCodec:
        """Return the codec for the chunks of an array."""
        return self if self.chunk is not None else type(self)(_chunk_for(array_spec))

    def validate(self, *, shape: tuple[int, ...], dtype: Any, chunk_grid: Any) -> None:
        """Refuse an array whose chunks are not one frame each."""
        chunks = getattr(chunk_grid, "chunk_shape", None)
        if self.chunk is not None and chunks is not None:
            self.chunk.require_shape(tuple(chunks), _native(dtype))

    def compute_encoded_size(self, input_byte_length: int, chunk_spec: ArraySpec) -> Never:
        """Raise `NotImplementedError`: chunks differ in their length."""
        raise NotImplementedError("frames differ in their length")

    def _known(self) -> FrameChunk:
        if self.chunk is None:  # zarr evolves codecs before it uses them
            raise MetaDataError(f"the codec {FRAME_CODEC!r} has no configuration")
        return self.chunk

    async def _decode_single(self, chunk_data: Buffer, chunk_spec: ArraySpec) -> NDBuffer:
        chunk = self._known()
        dtype = _native(chunk_spec.dtype)
        chunk.require_shape(tuple(chunk_spec.shape), dtype)
        values = await asyncio.to_thread(chunk.decode, chunk_data.to_bytes())
        shaped = values.astype(dtype, copy=False).reshape(chunk_spec.shape)
        return chunk_spec.prototype.nd_buffer.from_ndarray_like(shaped)

    async def _encode_single(self, chunk_data: NDBuffer, chunk_spec: ArraySpec) -> Buffer:
        values = chunk_data.as_numpy_array()
        data = await asyncio.to_thread(self._known().encode, values)
        return chunk_spec.prototype.buffer.from_bytes(data)


def _native(dtype: Any) -> np.dtype[Any]:
    """Return numpy's type; zarr before 3.1 has no others."""
    native = dtype.to_native_dtype() if hasattr(dtype, "to_native_dtype") else dtype
    found: np.dtype[Any] = np.dtype(native)
    return found


def _chunk_for(spec: ArraySpec) -> FrameChunk:
    """Return what the chunks of an array are: frames of its last two axes, of all bits.

    zarr gives the shape of the array here; `FrameBytesCodec.validate` sees that of the chunks.
    """
    shape, dtype = tuple(spec.shape), _native(spec.dtype)
    if len(shape) < 2:
        raise DataConsistencyError(
            f"an array of shape {shape} has no frames: the last two axes are rows and columns"
        )
    return frame_chunk(dtype, *shape[-2:])
