"""RLE frames (DICOM PS3.5 annex G): their segments checked, and decoded to the last byte.

Other decoders pass over what a segment lacks or has too much; one of them breaks down over it.
"""

from __future__ import annotations

from itertools import pairwise
from struct import Struct
from typing import TYPE_CHECKING

from dicube_core.codec._frame_damage import frame_damage
from dicube_core.codec._loading import load_imagecodecs

if TYPE_CHECKING:
    from dicube_core.codec.base import StoredValues
    from dicube_core.pixels import PixelFormat

__all__ = ["check_rle", "decode_rle"]

_HEADER = Struct("<16I")
#: Two bytes say "128 times the same" (PS3.5 G.3.1).
_MOST = 64
#: The byte that says nothing; below it come bytes as they are, above it one that is repeated.
_NOTHING = 128


def check_rle(frame: bytes, pixel_format: PixelFormat) -> list[tuple[int, int]]:
    """Check the number and the places of the segments against what the file says of its frames.

    Returns
    -------
    list of (int, int)
        Where each segment begins and ends.

    Raises
    ------
    DecodeError
        Another number of segments than bytes of a pixel, or one that lies outside of the frame
        or is too short for what it must hold.
    """
    if len(frame) < _HEADER.size:
        raise frame_damage("RLE header", 0, f"{_HEADER.size} bytes", len(frame))
    count, *offsets = _HEADER.unpack_from(frame)
    expected = pixel_format.samples_per_pixel * (pixel_format.container_bits // 8)
    if count != expected:
        raise frame_damage("RLE header", 0, f"{expected} segments", count)
    if offsets[0] != _HEADER.size:
        raise frame_damage("RLE header", 4, f"the first segment at {_HEADER.size}", offsets[0])
    places = list(pairwise((*offsets[:count], len(frame))))
    needed = _segment_bytes(pixel_format)
    for number, (start, stop) in enumerate(places):
        where = 4 + 4 * number
        if stop <= start:
            raise frame_damage("RLE header", where, "segments one behind the other", (start, stop))
        if (stop - start) * _MOST < needed:
            wanted = f"segment {number} to hold {needed} bytes"
            raise frame_damage("RLE header", where, wanted, f"{stop - start} in all")
    return places


def _segment_bytes(pixel_format: PixelFormat) -> int:
    pixels = pixel_format.rows * pixel_format.columns
    return -(-pixels // 8) if pixel_format.bits_allocated == 1 else pixels


def _without_padding(segment: bytes, needed: int) -> bytes:
    """Cut the zeros behind the last pixel; one is allowed (PS3.5 G.3.1), some write more.

    Two of them mean a pixel of value 0 to a decoder, so where they begin has to be counted.
    """
    if segment[-2:] != b"\0\0":
        return segment
    position = done = 0
    while done < needed and position < len(segment):
        head = segment[position]
        if head < _NOTHING:
            done += head + 1
            position += head + 2
        else:
            done += (257 - head) % 129  # nothing for 128
            position += 1 + (head != _NOTHING)
    return segment if segment[position:].strip(b"\0") else segment[:position]


def decode_rle(frame: bytes, pixel_format: PixelFormat) -> StoredValues:
    """Decode a frame.

    Returns
    -------
    ndarray of shape (rows, columns[, 3])
        Stored values of the format's type.

    Raises
    ------
    DecodeError
        As `check_rle`, or a segment holds fewer or more bytes than there are pixels.
    """
    import numpy as np

    imagecodecs = load_imagecodecs("packbits_decode", "decoding RLE needs")
    places = check_rle(frame, pixel_format)
    needed = _segment_bytes(pixel_format)
    planes = np.empty((len(places), needed), "u1")
    for number, (start, stop) in enumerate(places):
        segment = _without_padding(frame[start:stop], needed)
        wanted = f"{needed} bytes in segment {number}"
        try:
            found = imagecodecs.packbits_decode(segment, out=needed)
        except RuntimeError as exc:
            other = "more" if "TOO_SMALL" in str(exc) else "a run that is cut"
            raise frame_damage("RLE segment", start, wanted, other) from exc
        if len(found) != needed:
            raise frame_damage("RLE segment", start, wanted, len(found))
        planes[number] = np.frombuffer(found, "u1")
    if pixel_format.bits_allocated == 1:
        bits = np.unpackbits(planes[0], bitorder="little")
        return bits[: pixel_format.rows * pixel_format.columns].reshape(pixel_format.shape)
    # Per sample, the most significant byte comes first (PS3.5 G.2).
    width = pixel_format.bits_allocated // 8
    samples = planes.reshape(pixel_format.samples_per_pixel, width, needed)
    stored = np.ascontiguousarray(samples.transpose(2, 0, 1))
    values: StoredValues = stored.view(pixel_format.dtype.newbyteorder(">"))
    return values.astype(pixel_format.dtype).reshape(pixel_format.shape)
