"""The primary backend: OpenJPH through imagecodecs."""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from dicube_core.codec._loading import load_imagecodecs
from dicube_core.codec._reduced import can_be_reduced, clipped, every_nth, widened
from dicube_core.codec.arrays import check_out, native_frame, reduced_shape, refuse_unfit
from dicube_core.codec.base import HTJ2K_LOSSLESS
from dicube_core.codec.codestream import inspected
from dicube_core.codec.native_errors import call_native
from dicube_core.exceptions import CodecUnavailableError, DecodeError, EncodeError

if TYPE_CHECKING:
    from dicube_core.codec._segments import Coding
    from dicube_core.codec.base import Codestream, StoredValues
    from dicube_core.codec.codestream import CodestreamInfo
    from dicube_core.pixels import PixelFormat

__all__ = ["OpenJPHCodec"]

#: Where SIZ says depth and sign of the first component, behind SOC and the fixed fields.
_SSIZ_OFFSET = 42


def require() -> Any:
    """Return the library, or raise `CodecUnavailableError`."""
    imagecodecs = load_imagecodecs("HTJ2K", "HTJ2K encoding and decoding need")
    if not imagecodecs.HTJ2K.available:
        raise CodecUnavailableError(
            "this build of imagecodecs comes without HTJ2K",
            suggestion="install imagecodecs from PyPI",
        )
    return imagecodecs


class _FirstEncode:
    """Lets OpenJPH fill its encoder tables once, before frames are encoded in parallel.

    OpenJPH before 0.27 fills them on first use without a lock; two threads that start together
    in a fresh process then write corrupt frames without an error. There are tables for narrow
    and for wide samples, so one tiny frame of each is encoded.
    """

    def __init__(self) -> None:
        self.reset()
        if hasattr(os, "register_at_fork"):
            # A child may be made while another thread of its parent is in here: the lock would
            # stay taken for ever, and the tables may be half full.
            os.register_at_fork(after_in_child=self.reset)

    def reset(self) -> None:
        self._lock = threading.Lock()
        self._done = False

    def ensure(self, imagecodecs: Any) -> None:
        if self._done:
            return
        import numpy as np

        with self._lock:
            if not self._done:
                for name in ("int16", "int32"):
                    frame = np.arange(64, dtype=name).reshape(8, 8)
                    call_native(partial(imagecodecs.htj2k_encode, frame), EncodeError)
                colour = np.arange(192, dtype="uint8").reshape(8, 8, 3)
                call_native(partial(imagecodecs.htj2k_encode, colour, rgb=True), EncodeError)
                self._done = True


_first_encode = _FirstEncode()


@dataclass(frozen=True, slots=True)
class OpenJPHCodec:
    """Lossless HTJ2K through ``imagecodecs``: 5 decompositions, 64x64 blocks, RPCL, one tile.

    Parameters
    ----------
    tlm : bool, optional
        Write one tile-part per resolution and their lengths into the header (112 bytes a frame),
        so that the bytes of a low resolution are known from the header alone. Such a codestream
        of at most 2048 columns and rows also meets 1.2.840.10008.1.2.4.202.

    Notes
    -----
    Safe to use from several threads. The interpreter lock is released while a frame is encoded
    or decoded.
    """

    tlm: bool = False

    name: ClassVar[str] = "htj2k"
    transfer_syntax_uid: ClassVar[str] = HTJ2K_LOSSLESS

    def encode(self, frame: StoredValues, pixel_format: PixelFormat) -> bytes:
        """Encode one frame; see `FrameCodec.encode`.

        Depth and sign of the codestream are BitsStored and PixelRepresentation wherever the
        values of this frame allow it, else those of the container.
        """
        refuse_unfit(pixel_format)
        imagecodecs = require()
        values, depth = _narrow(native_frame(frame, pixel_format), pixel_format)
        _first_encode.ensure(imagecodecs)
        options: dict[str, Any] = {"tlm": True, "tilepart": 1} if self.tlm else {}
        if pixel_format.is_colour:
            # The reversible colour transform where it is meant for, else none.
            options["rgb"] = pixel_format.photometric_interpretation == "RGB"
        codestream: bytes = call_native(
            lambda: imagecodecs.htj2k_encode(values, **options), EncodeError
        )
        if depth is not None:
            tail = memoryview(codestream)[_SSIZ_OFFSET + 1 :]
            codestream = b"".join((codestream[:_SSIZ_OFFSET], bytes((depth,)), tail))
        try:
            self.inspect(codestream, pixel_format)
        except DecodeError as exc:
            raise EncodeError(f"the encoder wrote what cannot be read: {exc.message}") from exc
        return codestream

    def inspect(self, codestream: Codestream, pixel_format: PixelFormat) -> CodestreamInfo:
        """Check the structure of a codestream; see `FrameCodec.inspect`."""
        return inspected(codestream, pixel_format)

    def decode(
        self,
        codestream: Codestream,
        pixel_format: PixelFormat,
        out: StoredValues | None = None,
        level: int = 0,
    ) -> StoredValues:
        """Inspect, then decode one frame; see `FrameCodec.decode`."""
        import numpy as np

        info = self.inspect(codestream, pixel_format)
        shape = reduced_shape(info, level, pixel_format)
        dtype = pixel_format.dtype
        if out is not None:
            check_out(out, shape, dtype)
        if level:
            out = np.empty(shape, dtype) if out is None else out
            return self._reduced(codestream, pixel_format, info.coding, level, out)
        # Without a colour transform the components are returned one after the other.
        planes = pixel_format.is_colour and not info.coding.colour_transform
        # What imagecodecs returns for this depth; the container of the frame may be wider.
        width = 1 if info.precision <= 8 else 2 if info.precision <= 16 else 4
        native = np.dtype(f"{'i' if info.signed else 'u'}{width}")
        direct = native == dtype and not planes
        target = out if direct and out is not None and out.flags.aligned else None
        imagecodecs = require()
        source = codestream.cast("B") if isinstance(codestream, memoryview) else codestream
        decoded: StoredValues = call_native(
            lambda: imagecodecs.htj2k_decode(source, out=target), DecodeError
        )
        if planes and decoded.shape == (shape[2], *shape[:2]):
            decoded = np.moveaxis(decoded, 0, 2)
        if decoded.shape != shape or decoded.dtype != native:
            raise DecodeError(
                f"expected {native} values of shape {shape}, "
                f"found {decoded.dtype} of shape {decoded.shape}"
            )
        if out is None:
            return decoded if direct else decoded.astype(dtype, order="C")
        if decoded is not out:
            out[...] = decoded
        return out

    def _reduced(
        self,
        codestream: Codestream,
        pixel_format: PixelFormat,
        coding: Coding,
        level: int,
        out: StoredValues,
    ) -> StoredValues:
        """Decode a lower resolution, or thin out the frame where there can be none."""
        import numpy as np

        if not can_be_reduced(coding, pixel_format):
            out[...] = every_nth(self.decode(codestream, pixel_format), level)
            return out
        shape = out.shape
        imagecodecs = require()
        source = widened(codestream, coding)
        decoded: StoredValues = call_native(
            lambda: imagecodecs.htj2k_decode(source, skipres=level), DecodeError
        )
        if decoded.ndim == 3 and decoded.shape == (shape[-1], *shape[:2]) != shape:
            decoded = np.moveaxis(decoded, 0, 2)
        if decoded.shape != shape:
            raise DecodeError(f"expected values of shape {shape}, found {decoded.shape}")
        return clipped(decoded, coding, out)


def _narrow(values: StoredValues, pixel_format: PixelFormat) -> tuple[StoredValues, int | None]:
    """Return what to give to the encoder, and the depth byte to put into its SIZ segment.

    The encoder always writes the depth of the array's type. A signed array is coded without a
    level shift, so subtracting what a decoder will add for fewer unsigned bits, and changing the
    one byte that names them, gives a codestream of exactly that depth.
    """
    bits, allocated = pixel_format.bits_stored, pixel_format.bits_allocated
    # Below 8 bits SimpleITK refuses the slice, so 8- and 16-bit containers keep their own depth,
    # which every reader takes. 32 bits are read by OpenJPH alone, up to 16 by all.
    if bits == allocated or (bits < 8 and allocated < 32) or pixel_format.is_colour:
        return values, None
    signed = pixel_format.pixel_representation == 1
    low = -(1 << (bits - 1)) if signed else 0
    if int(values.min()) < low or int(values.max()) >= low + (1 << bits):
        return values, None  # data in the unused bits: nothing may be lost
    if not signed:
        values = values.view(f"i{allocated // 8}") - (1 << (bits - 1))
    if bits <= 16 < allocated:
        values = values.astype("int16")
    return values, (0x80 if signed else 0) | (bits - 1)
