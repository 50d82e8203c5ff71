"""The device as a codec of single frames, for who asks the registry for it by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from dicube_core.codec.arrays import check_out, require_full_resolution
from dicube_core.codec.base import HTJ2K_LOSSLESS
from dicube_core.codec.codestream import inspected
from dicube_core.exceptions import CodecUnavailableError, DecodeError
from dicube_plugins.gpu._compare import difference
from dicube_plugins.gpu._encoder_name import written_by_openjph
from dicube_plugins.gpu._session import probed_decoder

if TYPE_CHECKING:
    from dicube_core.codec.base import Codestream, StoredValues
    from dicube_core.codec.codestream import CodestreamInfo
    from dicube_core.pixels import PixelFormat
    from dicube_plugins.gpu._probed import ProbedDecoder

__all__ = ["NAME", "NvImageCodec", "make_codec"]

NAME = "htj2k-nvimgcodec"


class NvImageCodec:
    """Decodes single frames on a device, to arrays of the host; a `FrameCodec`.

    One frame at a time keeps no GPU busy: `decode_frames` is what a device is for. This codec is
    for comparisons. Frames that OpenJPH did not write are compared with those of the CPU. It has no
    lower resolutions and does not encode.

    Parameters
    ----------
    decoder : ProbedDecoder
        Of the device.
    """

    name: ClassVar[str] = NAME
    transfer_syntax_uid: ClassVar[str] = HTJ2K_LOSSLESS

    def __init__(self, decoder: ProbedDecoder) -> None:
        self._decoder = decoder

    def encode(self, frame: StoredValues, pixel_format: PixelFormat) -> bytes:
        """Raise `CodecUnavailableError`: nothing is encoded on a device."""
        raise CodecUnavailableError(
            f"nvImageCodec is not used to encode (frame of {frame.shape}, "
            f"{pixel_format.dtype_name})",
            suggestion="use the codec 'htj2k'",
        )

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
        info = self.inspect(codestream, pixel_format)
        require_full_resolution(level, "frames decoded on a GPU")
        if out is not None:
            check_out(out, pixel_format.shape, pixel_format.dtype)
        data = bytes(codestream)
        (array,) = self._decoder.decode([data], [info])
        values: StoredValues = self._decoder.to_host(array).reshape(pixel_format.shape)
        if not written_by_openjph(data):
            self._require_equal(values, data, pixel_format)
        if out is None:
            return values.astype(pixel_format.dtype, copy=False)
        out[...] = values
        return out

    def _require_equal(self, values: StoredValues, data: bytes, pixel_format: PixelFormat) -> None:
        """Compare a frame of another encoder, for which the probe does not speak."""
        from dicube_core.codec.registry import get_codec

        wrong = difference(values, get_codec("htj2k").decode(data, pixel_format))
        if wrong:
            raise DecodeError(
                f"{self._decoder.capability.device} decodes it to other values than the CPU: "
                f"{wrong}",
                suggestion="use the codec 'htj2k'",
            )


def make_codec() -> NvImageCodec:
    """Return the codec of GPU 0.

    Raises
    ------
    CodecUnavailableError
        There is none, or it decodes nothing right.
    """
    return NvImageCodec(probed_decoder(0))
