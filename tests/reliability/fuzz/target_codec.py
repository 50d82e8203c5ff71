"""Targets: codestreams and the frames of other codecs."""

from __future__ import annotations

from struct import Struct

import numpy as np

from dicube_core.codec.codestream import check, parse, rpcl_obstacle
from dicube_core.codec.encapsulated import EncapsulatedCodec
from dicube_core.codec.pcodec import PCodec
from dicube_core.codec.registry import get_codec
from dicube_core.pixels import PixelFormat
from reliability.fuzz import seed_frames
from reliability.fuzz.checks import attempt, require
from reliability.fuzz.mutate_codestream import mutate_codestream
from reliability.fuzz.target import Target

__all__ = ["TARGETS"]

#: Samples of frames that are decoded, so that a run is not all decoding.
_DECODED = 1 << 16
_SIZE = Struct("<BBBB")
_SYNTAXES = ("1.2.840.10008.1.2.5", "1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.201")
_PCODEC = Struct("<4sBBBBII")


def codestream(data: bytes) -> None:
    """Read the structure of a codestream; decode it if nothing speaks against that."""
    info = attempt(parse, data)
    padded = attempt(parse, data + b"\0", allow_padding=True)
    require((info is None) == (padded is None), "a padding byte makes a difference")
    if info is None:
        return
    require(info == attempt(parse, memoryview(data)), "a memory view makes a difference")
    require(info.n_bytes == len(data), "not of its length", info.n_bytes)
    position = info.tile_parts[0].offset
    for part in info.tile_parts:
        require(part.offset == position, "tile-parts leave a gap", part)
        require(part.offset + 12 < part.data_offset <= part.offset + part.length, "no data", part)
        position = part.offset + part.length
    require(position + 2 == len(data), "the end marker is elsewhere", position)
    rpcl_obstacle(info)
    bits = next((width for width in (8, 16, 32) if info.precision <= width), 0)
    pixel_format = attempt(
        PixelFormat,
        rows=info.rows,
        columns=info.columns,
        bits_allocated=bits,
        bits_stored=min(info.precision, max(bits, 1)),
        pixel_representation=int(info.signed),
        samples_per_pixel=info.components,
        photometric_interpretation="RGB" if info.coding.colour_transform else "MONOCHROME2",
    )
    if pixel_format is None or info.rows * info.columns * info.components > _DECODED:
        return
    if attempt(lambda: check(info, pixel_format) or True) is None:
        return
    decoded = attempt(get_codec("htj2k").decode, data, pixel_format)
    if decoded is not None:
        require(decoded.shape == pixel_format.shape, "decoded to another shape", decoded.shape)
        require(decoded.dtype == pixel_format.dtype, "decoded to another type", decoded.dtype)


def pcodec(data: bytes) -> None:
    """Decode a frame of real values; its header says which."""
    codec = PCodec()
    types = {1: "uint16", 5: "uint64", 6: "int64", 7: "float32", 8: "float64"}
    rows, columns, name = 3, 5, "float32"
    if len(data) >= _PCODEC.size:
        _, _, code, _, _, rows, columns = _PCODEC.unpack_from(data)
        name = types.get(code, "float32")
    formats = attempt(PixelFormat.from_dtype, name, rows, columns)
    if formats is None or rows * columns > _DECODED:
        return
    decoded = attempt(codec.decode, data, formats)
    if decoded is not None:
        again = codec.decode(codec.encode(decoded, formats), formats)
        require(again.tobytes() == decoded.tobytes(), "encoded anew it differs")


def encapsulated(data: bytes) -> None:
    """Decode a frame as its source compressed it; four bytes say which and what."""
    if len(data) < 5:
        return
    which, rows, columns, bits = _SIZE.unpack_from(data)
    codec = EncapsulatedCodec(f"encapsulated:{_SYNTAXES[which % 3]}")
    stored = (8, 12, 16, 1)[bits % 4]
    colour = bits & 0x80 and stored != 1
    pixel_format = attempt(
        PixelFormat,
        rows=rows % 33,
        columns=columns % 33,
        bits_allocated=8 if stored <= 8 else 16,
        bits_stored=stored,
        pixel_representation=bits >> 4 & 1,
        samples_per_pixel=3 if colour else 1,
        photometric_interpretation="RGB" if colour else "MONOCHROME2",
    )
    if pixel_format is None:
        return
    decoded = attempt(codec.decode, data[4:], pixel_format)
    if decoded is not None:
        require(decoded.shape == pixel_format.shape, "decoded to another shape", decoded.shape)
        require(np.asarray(decoded).dtype == pixel_format.dtype, "decoded to another type")


TARGETS = (
    Target("codestream", codestream, seed_frames.codestreams, mutate_codestream, 4096),
    Target("pcodec", pcodec, seed_frames.pcodec_frames, None, 1024),
    Target("encapsulated", encapsulated, seed_frames.encapsulated_frames, None, 1024),
)
