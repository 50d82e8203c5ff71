"""The second backend: OpenJPEG through pylibjpeg-openjpeg. It decodes only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from dicube_core.codec.arrays import check_out, reduced_shape
from dicube_core.codec.base import HTJ2K_LOSSLESS
from dicube_core.codec.codestream import inspected
from dicube_core.exceptions import CodecUnavailableError, DecodeError

if TYPE_CHECKING:
    from dicube_core.codec.base import Codestream, StoredValues
    from dicube_core.codec.codestream import CodestreamInfo
    from dicube_core.pixels import PixelFormat

__all__ = ["OpenJPEGCodec"]

#: OpenJPEG keeps a code block of at most 30 bit planes in 32 bits, and refuses others.
_MAX_BIT_PLANES = 30


def require() -> Any:
    """Return the library, or raise `CodecUnavailableError`."""
    try:
        import openjpeg
    except ImportError as exc:
        raise CodecUnavailableError(
            "decoding with OpenJPEG needs pylibjpeg-openjpeg",
            suggestion="python -m pip install 'pylibjpeg-openjpeg>=2.4'",
        ) from exc
    return openjpeg


@dataclass(frozen=True, slots=True)
class OpenJPEGCodec:
    """Decoder independent of OpenJPH, for cross-checks and where imagecodecs is not installed.

    Parameters
    ----------
    name : str, optional
        Name in the registry.

    Notes
    -----
    Safe to use from several threads, but it holds the interpreter lock while decoding, and is
    some twenty times slower than OpenJPH.
    """

    name: str = "htj2k-openjpeg"

    transfer_syntax_uid: ClassVar[str] = HTJ2K_LOSSLESS

    def encode(self, frame: StoredValues, pixel_format: PixelFormat) -> bytes:
        """Raise `CodecUnavailableError`: OpenJPEG does not encode HTJ2K."""
        raise CodecUnavailableError(
            f"OpenJPEG cannot encode HTJ2K (frame of {frame.shape}, {pixel_format.dtype_name})",
            suggestion="python -m pip install 'imagecodecs>=2026.1.14'",
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
        """Inspect, then decode one frame; see `FrameCodec.decode`.

        Only level 0, and at most 30 bit planes (about 26 bits, or 16 as our encoder writes).
        """
        info = self.inspect(codestream, pixel_format)
        shape = reduced_shape(info, level, pixel_format)
        if out is not None:
            check_out(out, shape, pixel_format.dtype)
        planes = info.coding.guard_bits + max(info.coding.exponents) - 1
        if level or planes > _MAX_BIT_PLANES:
            what = f"resolution level {level}" if level else f"{planes} bit planes"
            raise CodecUnavailableError(
                f"pylibjpeg-openjpeg cannot decode {what}",
                suggestion="python -m pip install 'imagecodecs>=2026.1.14'",
            )
        try:
            decoded: StoredValues = require().decode(bytes(codestream), j2k_format=0)
        except RuntimeError as exc:
            raise DecodeError(f"OpenJPEG failed: {exc}") from exc
        if decoded.shape != shape:
            raise DecodeError(f"expected values of shape {shape}, found {decoded.shape}")
        if out is None:
            return decoded.astype(pixel_format.dtype, order="C")
        out[...] = decoded
        return out
