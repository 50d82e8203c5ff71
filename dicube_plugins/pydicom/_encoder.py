"""The encoder that pydicom lacks: ``ds.compress(HTJ2KLossless)``, always lossless and verified."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from pydicom.pixels.encoders.base import Encoder
from pydicom.uid import HTJ2KLossless, HTJ2KLosslessRPCL

from dicube_core.codec import OpenJPHCodec, openjph, parse
from dicube_core.codec.codestream import rpcl_obstacle
from dicube_core.codec.native_errors import call_native
from dicube_core.exceptions import EncodeError
from dicube_core.pixels import PixelFormat
from dicube_plugins.pydicom._decoder import decode_colour
from dicube_plugins.pydicom._encode_checks import EncodeRequest, require_encodable
from dicube_plugins.pydicom._plugins import REQUIREMENTS, codec_works

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydicom.pixels.encoders.base import EncodeRunner

__all__ = ["ENCODER_DEPENDENCIES", "Htj2kEncoder", "encode_frame", "is_available"]

#: What pydicom tells to install where the plugin does not work.
ENCODER_DEPENDENCIES = dict.fromkeys((HTJ2KLossless, HTJ2KLosslessRPCL), REQUIREMENTS)
_PLAIN, _PROGRESSIVE = OpenJPHCodec(), OpenJPHCodec(tlm=True)


def is_available(uid: str) -> bool:
    """Tell pydicom whether the plugin encodes a transfer syntax here."""
    return uid in ENCODER_DEPENDENCIES and codec_works()


class Htj2kEncoder(Encoder):
    """An encoder of pydicom that looks at the whole source first; see `require_encodable`."""

    def encode(self, src: Any, **options: Any) -> bytes:
        """Encode one frame; see `pydicom.pixels.encoders.base.Encoder.encode`."""
        require_encodable(EncodeRequest.of(src, options))
        return super().encode(src, **options)

    def iter_encode(self, src: Any, **options: Any) -> Iterator[bytes]:
        """Encode all frames; see `pydicom.pixels.encoders.base.Encoder.iter_encode`."""
        require_encodable(EncodeRequest.of(src, options))
        yield from super().iter_encode(src, **options)


def encode_frame(src: bytes, runner: EncodeRunner) -> bytes:
    """Encode one frame for pydicom, and decode it again to see that it came back.

    Parameters
    ----------
    src : bytes
        Little-endian values, which may lie in smaller containers than Bits Allocated; colour by
        pixel.
    runner : EncodeRunner
        The description of the frame.

    Returns
    -------
    bytes
        The codestream. Its depth and sign are Bits Stored and Pixel Representation wherever
        readers take that, see `OpenJPHCodec.encode`.

    Raises
    ------
    EncodeError
        The encoder failed, the frame did not come back equal, or HTJ2K RPCL was asked for and the
        frame is too large for it.
    """
    progressive = runner.transfer_syntax == HTJ2KLosslessRPCL
    if runner.samples_per_pixel == 1:
        codestream = _encode_grey(src, runner, _PROGRESSIVE if progressive else _PLAIN)
    else:
        codestream = _encode_colour(src, runner, progressive=progressive)
    obstacle = rpcl_obstacle(parse(codestream)) if progressive else ""
    if obstacle:
        raise EncodeError(
            f"a frame of {runner.rows}x{runner.columns} cannot be HTJ2K Lossless RPCL: {obstacle}",
            suggestion="compress to HTJ2K Lossless",
        )
    return codestream


def _encode_grey(src: bytes, runner: Any, codec: OpenJPHCodec) -> bytes:
    pixel_format = PixelFormat(
        rows=runner.rows,
        columns=runner.columns,
        bits_allocated=runner.bits_allocated,
        bits_stored=runner.bits_stored,
        pixel_representation=runner.pixel_representation,
    )
    width = len(src) // (runner.rows * runner.columns)
    words = np.frombuffer(src, f"<{pixel_format.dtype.kind}{width}").reshape(pixel_format.shape)
    # The sign may be missing in the unused bits; here it is carried upwards.
    frame = pixel_format.pixel_values(words.astype(pixel_format.dtype))
    codestream = codec.encode(frame, pixel_format)
    if not np.array_equal(codec.decode(codestream, pixel_format), frame):
        raise EncodeError("the encoded frame did not decode to the same values")
    return codestream


def _encode_colour(src: bytes, runner: Any, *, progressive: bool) -> bytes:
    kind = f"<u{runner.bits_allocated // 8}"
    frame = np.frombuffer(src, kind).reshape(runner.rows, runner.columns, 3)
    options: dict[str, Any] = {"tlm": True, "tilepart": 1} if progressive else {}
    # An own first frame: OpenJPH fills tables on first use, which must not happen in parallel.
    _PLAIN.encode(np.zeros((8, 8), np.uint8), PixelFormat(8, 8, 8, 8, 0))
    encode = openjph.require().htj2k_encode
    native = np.ascontiguousarray(frame, dtype=frame.dtype.newbyteorder("="))
    codestream = bytes(call_native(partial(encode, native, rgb=True, **options), EncodeError))
    if bytes(decode_colour(codestream, parse(codestream))) != frame.tobytes():
        raise EncodeError("the encoded frame did not decode to the same values")
    return codestream
