"""The codec of what HTJ2K cannot hold: real values and integers of 64 bits, through pcodec.

A frame is a header of this package and the pcodec stream of the frame's values, row by row. The
stream says neither its length nor the shape, and takes flipped bits for other numbers; so the
header says and checks them.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from struct import Struct
from typing import TYPE_CHECKING, Any, ClassVar

from dicube_core.codec.arrays import check_out, native_frame, require_full_resolution
from dicube_core.codec.frame_limit import require_within_limit
from dicube_core.exceptions import CodecUnavailableError, DecodeError, EncodeError

if TYPE_CHECKING:
    from dicube_core.codec.base import Codestream, StoredValues
    from dicube_core.pixels import PixelFormat

__all__ = ["PCodec", "PcodecInfo"]

#: Magic, version, type, samples, a zero, rows, columns, length and CRC-32 of the stream.
_HEADER = Struct("<4sBBBBIIII")
_MAGIC = b"DPCO"
_VERSION = 1
#: Numbers in files: never changed, only added to.
_TYPES = {
    1: "uint16",
    2: "int16",
    3: "uint32",
    4: "int32",
    5: "uint64",
    6: "int64",
    7: "float32",
    8: "float64",
}
_CODES = {name: code for code, name in _TYPES.items()}
#: Above 8, noise takes twenty times as long and gains less than 1 % (``bench_codecs.py``).
_LEVEL = 8


def require() -> tuple[Any, Any]:
    """Return the library's options and functions, or raise `CodecUnavailableError`."""
    # Not imagecodecs: it decodes all that a stream claims to hold before it looks at the size that
    # is wanted, so that a few hundred bytes take gigabytes, or end the process.
    try:
        import pcodec
        from pcodec import standalone
    except ImportError as exc:
        raise CodecUnavailableError(
            "real values and 64-bit integers need pcodec",
            suggestion="python -m pip install 'dicube-plugins[real]'",
        ) from exc
    # Of version 1.0 it is no attribute.
    return pcodec.ChunkConfig, standalone


@dataclass(frozen=True, slots=True)
class PcodecInfo:
    """What an encoded frame says of itself; see `FrameInfo`."""

    rows: int
    columns: int
    components: int
    precision: int
    signed: bool
    n_bytes: int
    dtype_name: str


@dataclass(frozen=True, slots=True)
class PCodec:
    """Lossless codec of numbers of 16 to 64 bits, real or whole.

    Notes
    -----
    Safe to use from several threads. There are no lower resolutions. Every bit of a real value
    is kept, also of a NaN.
    """

    name: ClassVar[str] = "pcodec"
    #: No DICOM transfer syntax holds such frames.
    transfer_syntax_uid: ClassVar[str] = ""

    def encode(self, frame: StoredValues, pixel_format: PixelFormat) -> bytes:
        """Encode one frame; see `FrameCodec.encode`."""
        values = native_frame(frame, pixel_format)
        code = _CODES.get(values.dtype.name)
        if code is None:
            raise EncodeError(f"pcodec does not encode {values.dtype}; use codec='htj2k'")
        chunk_config, standalone = require()
        options = chunk_config(compression_level=_LEVEL)
        try:
            stream: bytes = standalone.simple_compress(values.reshape(-1), options)
        except RuntimeError as exc:
            raise EncodeError(f"pcodec failed: {exc}") from exc
        samples = pixel_format.samples_per_pixel
        size = (pixel_format.rows, pixel_format.columns)
        sizes = (code, samples, 0, *size, len(stream), zlib.crc32(stream))
        return _HEADER.pack(_MAGIC, _VERSION, *sizes) + stream

    def inspect(self, codestream: Codestream, pixel_format: PixelFormat) -> PcodecInfo:
        """Check header, length and CRC; see `FrameCodec.inspect`."""
        data = codestream.cast("B") if isinstance(codestream, memoryview) else codestream
        if len(data) < _HEADER.size:
            raise _damage("length", 0, f"at least {_HEADER.size} bytes", len(data))
        magic, version, code, samples, zero, rows, columns, length, crc = _HEADER.unpack_from(data)
        if magic != _MAGIC or version != _VERSION or zero:
            raise _damage("magic", 0, f"{_MAGIC!r}, version {_VERSION}", (magic, version, zero))
        expected = (pixel_format.dtype_name, *_shape(pixel_format))
        found = (_TYPES.get(code), rows, columns, samples)
        if found != expected:
            raise _damage("description", 5, expected, found)
        require_within_limit(pixel_format)
        if length != len(data) - _HEADER.size:
            raise _damage("stream", _HEADER.size, f"{length} bytes", len(data) - _HEADER.size)
        if zlib.crc32(memoryview(data)[_HEADER.size :]) != crc:
            raise _damage("stream", _HEADER.size, f"CRC {crc:08x}", "another")
        return PcodecInfo(
            rows,
            columns,
            samples,
            pixel_format.bits_allocated,
            pixel_format.real or pixel_format.pixel_representation == 1,
            len(data),
            pixel_format.dtype_name,
        )

    def decode(
        self,
        codestream: Codestream,
        pixel_format: PixelFormat,
        out: StoredValues | None = None,
        level: int = 0,
    ) -> StoredValues:
        """Inspect, then decode one frame; see `FrameCodec.decode`."""
        import numpy as np

        require_full_resolution(level, "frames of the codec 'pcodec'")
        if out is not None:
            check_out(out, pixel_format.shape, pixel_format.dtype)
        self.inspect(codestream, pixel_format)
        _, standalone = require()
        stream = bytes(memoryview(codestream)[_HEADER.size :])
        result: StoredValues = np.empty(pixel_format.shape, pixel_format.dtype)
        try:
            done = standalone.simple_decompress_into(stream, result.reshape(-1))
        except RuntimeError as exc:
            raise DecodeError(f"pcodec failed: {exc}") from exc
        except BaseException as exc:
            if type(exc).__name__ == "PanicException":  # the library's own, and no Exception
                raise DecodeError(f"pcodec broke down: {exc}") from None
            raise
        if done.n_processed != result.size or not done.finished:
            more = "" if done.finished else " and more"
            raise DecodeError(
                f"expected {result.size} values, the frame holds {done.n_processed}{more}"
            )
        if out is None:
            return result
        np.copyto(out, result)
        return out


def _shape(pixel_format: PixelFormat) -> tuple[int, int, int]:
    return pixel_format.rows, pixel_format.columns, pixel_format.samples_per_pixel


def _damage(what: str, offset: int, expected: object, found: object) -> DecodeError:
    return DecodeError(
        f"{what} at byte {offset}: expected {expected}, found {found}",
        context="pcodec frame",
        suggestion="the frame is damaged; get it from an intact copy",
        details={"offset": offset},
    )
