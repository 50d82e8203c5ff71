"""Frames as zlib streams (RFC 1950) of their little-endian words, row by row."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from dicube_core.exceptions import DataConsistencyError, DecodeError

if TYPE_CHECKING:
    from dicube_core.codec.base import Codestream, StoredValues
    from dicube_core.pixels import PixelFormat

__all__ = ["ZlibCodec"]


@dataclass(frozen=True)
class FrameInfo:
    """What is known of a codestream without decoding it; see `FrameCodec.inspect`."""

    rows: int
    columns: int
    components: int
    precision: int
    signed: bool
    reversible: bool
    n_bytes: int


class ZlibCodec:
    """See `dicube_core.codec.base.FrameCodec`. It keeps nothing, so threads may share it."""

    name: ClassVar[str] = "example-zlib"
    #: DICOM has no transfer syntax with zlib streams for frames.
    transfer_syntax_uid: ClassVar[str] = ""

    def encode(self, frame: StoredValues, pixel_format: PixelFormat) -> bytes:
        """Encode one frame: the same bytes for the same values, whatever their layout in memory."""
        found, expected = frame.dtype.newbyteorder("="), pixel_format.dtype
        if frame.shape != pixel_format.shape or found != expected:
            raise DataConsistencyError(
                f"frame is {frame.shape} {found}, expected {pixel_format.shape} {expected}"
            )
        words = np.ascontiguousarray(frame, expected.newbyteorder("<"))
        return zlib.compress(words.data, 6)

    def inspect(self, codestream: Codestream, pixel_format: PixelFormat) -> Any:
        """Check a codestream: here, that takes decoding it."""
        self._bytes(codestream, pixel_format)
        return FrameInfo(
            rows=pixel_format.rows,
            columns=pixel_format.columns,
            components=1,
            precision=pixel_format.bits_allocated,
            signed=bool(pixel_format.pixel_representation),
            reversible=True,
            n_bytes=len(codestream),
        )

    def decode(
        self,
        codestream: Codestream,
        pixel_format: PixelFormat,
        out: StoredValues | None = None,
        level: int = 0,
    ) -> StoredValues:
        """Decode one frame; there is no lower resolution in it."""
        if level:
            raise DataConsistencyError(f"{self.name} has no resolution level {level}, only 0")
        dtype = pixel_format.dtype
        if out is not None and (
            out.shape != pixel_format.shape or out.dtype != dtype or not out.flags.c_contiguous
        ):
            raise DataConsistencyError(
                f"out is {out.shape} {out.dtype}; C-contiguous {pixel_format.shape} {dtype} is "
                "needed"
            )
        words = np.frombuffer(self._bytes(codestream, pixel_format), dtype.newbyteorder("<"))
        if out is None:
            out = np.empty(pixel_format.shape, dtype)
        out[...] = words.reshape(pixel_format.shape)
        return out

    def _bytes(self, codestream: Codestream, pixel_format: PixelFormat) -> bytes:
        """Return the bytes of a frame, never more of them than a frame has."""
        decompressor = zlib.decompressobj()
        try:
            data = decompressor.decompress(codestream, pixel_format.n_bytes + 1)
        except zlib.error as exc:
            raise DecodeError(f"damaged zlib stream of {len(codestream)} bytes: {exc}") from exc
        if len(data) != pixel_format.n_bytes or not decompressor.eof:
            raise DecodeError(
                f"the zlib stream holds {'more than ' * (len(data) > pixel_format.n_bytes)}"
                f"{min(len(data), pixel_format.n_bytes)} bytes or does not end, a frame has "
                f"{pixel_format.n_bytes}"
            )
        if decompressor.unused_data:
            raise DecodeError(f"{len(decompressor.unused_data)} bytes after the zlib stream")
        return data
