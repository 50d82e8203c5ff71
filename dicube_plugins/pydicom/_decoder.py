"""The decoder plugin: HTJ2K frames of any DICOM file, through our own codec.

pydicom tries its plugins in turn, and takes the next one where one raises an error. So whatever
this one does not decode with certainty it leaves to the next: it never guesses.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from pydicom.uid import HTJ2K, HTJ2KLossless, HTJ2KLosslessRPCL

from dicube_core.codec import OpenJPHCodec, openjph, parse
from dicube_core.codec.codestream import most_packets

# The codec takes one sample per pixel; colour needs these parts of it.
from dicube_core.codec.native_errors import call_native
from dicube_core.codec.quantization import openjph_quantization, quantization_problem
from dicube_core.exceptions import DecodeError
from dicube_core.pixels import PixelFormat
from dicube_core.settings import get_limits, how_to_raise
from dicube_plugins.pydicom._plugins import REQUIREMENTS, codec_works
from dicube_plugins.pydicom._runner import set_frame_option

if TYPE_CHECKING:
    from pydicom.pixels.decoders.base import DecodeRunner

    from dicube_core.codec import CodestreamInfo

__all__ = ["DECODER_DEPENDENCIES", "decode_colour", "decode_frame", "is_available"]

#: What pydicom tells to install where the plugin does not work.
DECODER_DEPENDENCIES = dict.fromkeys((HTJ2KLossless, HTJ2KLosslessRPCL, HTJ2K), REQUIREMENTS)
_CODEC = OpenJPHCodec()


def is_available(uid: str) -> bool:
    """Tell pydicom whether the plugin decodes a transfer syntax here."""
    return uid in DECODER_DEPENDENCIES and codec_works()


def decode_frame(src: bytes, runner: DecodeRunner) -> bytearray:
    """Decode one frame for pydicom.

    Parameters
    ----------
    src : bytes
        The codestream, with the padding of its fragment.
    runner : DecodeRunner
        The description of the frame in the data set; what differs in the result is set in it.

    Returns
    -------
    bytearray
        Little-endian values, grey in containers of Bits Allocated, colour by pixel in those of the
        codestream's depth.

    Raises
    ------
    DecodeError
        The codestream is damaged, contradicts the data set, or is not reversible: rounding of
        the irreversible wavelet differs between decoders, so it is left to the next plugin.
    UnsupportedKindError
        Bits Allocated is none of 8, 16 and 32.
    """
    info = parse(src, allow_padding=True)
    _require_agreement(info, runner)
    codestream = src if len(src) == info.n_bytes else src[: info.n_bytes]
    if info.components == 1:
        return _decode_grey(codestream, runner)
    decoded = decode_colour(codestream, info)
    set_frame_option(runner, "planar_configuration", 0)
    set_frame_option(runner, "bits_allocated", info.precision)
    if runner.photometric_interpretation in ("YBR_RCT", "YBR_ICT"):
        set_frame_option(runner, "photometric_interpretation", "RGB")
    return decoded


def _require_agreement(info: CodestreamInfo, runner: Any) -> None:
    """Refuse a frame other than the data set describes: it would be cut, shifted or misread."""
    found = (info.rows, info.columns, info.components)
    expected = (runner.rows, runner.columns, runner.samples_per_pixel)
    if found != expected:
        raise DecodeError(
            f"the data set says rows, columns and samples are {expected}, the codestream {found}"
        )
    if info.precision not in (runner.bits_stored, runner.bits_allocated):
        raise DecodeError(
            f"the codestream is {info.precision} bits deep, Bits Stored is {runner.bits_stored}"
        )


def _decode_grey(codestream: bytes, runner: Any) -> bytearray:
    pixel_format = PixelFormat(
        rows=runner.rows,
        columns=runner.columns,
        bits_allocated=runner.bits_allocated,
        bits_stored=runner.bits_stored,
        pixel_representation=runner.pixel_representation,
    )
    result = bytearray(_size_within_limit(pixel_format.n_bytes))
    out = np.frombuffer(result, pixel_format.dtype).reshape(pixel_format.shape)
    _CODEC.decode(codestream, pixel_format, out=out)
    return _little_endian(result, out)


def decode_colour(codestream: bytes, info: CodestreamInfo) -> bytearray:
    """Decode three unsigned components, by pixel; RGB where the codestream transforms them."""
    _require_plain_colour(codestream, info)
    size = info.rows * info.columns * 3 * (info.precision // 8)
    result = bytearray(_size_within_limit(size))
    shape = (info.rows, info.columns, 3)
    out = np.frombuffer(result, f"u{info.precision // 8}").reshape(shape)
    decode = openjph.require().htj2k_decode
    decoded = call_native(partial(decode, codestream, planar=False, out=out), DecodeError)
    if decoded.shape != shape or decoded.dtype != out.dtype:
        raise DecodeError(f"expected {out.dtype} of {shape}, found {decoded.dtype} {decoded.shape}")
    return _little_endian(result, out)


def _require_plain_colour(codestream: bytes, info: CodestreamInfo) -> None:
    """Refuse what may be damaged; see `dicube_core.codec.codestream.check` for the same in grey."""
    if info.components != 3 or info.signed or info.precision not in (8, 16):
        raise DecodeError(
            f"{info.components} components of {info.precision} bits are not decoded here"
        )
    if not (info.reversible and info.ht and info.layers == 1):
        raise DecodeError("only reversible HTJ2K of one quality layer is decoded here")
    coding = info.coding
    transformed = codestream[coding.cod_offset + 4]  # T.800 table A.14; differences take a bit more
    problem = quantization_problem(
        info.precision + transformed,
        info.levels,
        coding.magnitude_code,
        coding.guard_bits,
        coding.exponents,
    )
    _, _, others = openjph_quantization(info.precision + 1 - transformed, info.levels)
    if coding.exponents == others:
        problem = "exponents of a codestream with, or without, a colour transform"
    if problem:
        raise DecodeError(f"QCD at byte {coding.qcd_offset}: {problem}")
    if coding.n_packets > most_packets(info):
        raise DecodeError(f"{coding.n_packets} packets, at most {most_packets(info)} can be")


def _size_within_limit(size: int) -> int:
    limit = get_limits().frame_bytes
    if size > limit:
        raise DecodeError(
            f"a frame of {size} bytes; the limit frame_bytes is {limit}",
            suggestion=how_to_raise("frame_bytes"),
        )
    return size


def _little_endian(result: bytearray, values: np.ndarray[Any, Any]) -> bytearray:
    """Return the bytes as pydicom reads them: it takes them in the order of the data set."""
    little = values.astype(values.dtype.newbyteorder("<"), copy=False)
    return result if little is values else bytearray(little.tobytes())
