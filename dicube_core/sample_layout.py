"""From arrays to uncompressed Pixel Data and back (DICOM PS3.5 8.1.1, PS3.3 C.7.6.3.1).

Arrays are always pixel by pixel, one sample per element. In DICOM, colour may lie plane by plane,
two pixels may share their colour, and single bits are packed. All of it is exact in both
directions.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from dicube_core.exceptions import DataConsistencyError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from dicube_core.pixels import PixelFormat

    Buffer = bytes | bytearray | memoryview

__all__ = ["array_of_native", "is_plain", "native_bytes"]


def is_plain(pixel_format: PixelFormat) -> bool:
    """Whether native little-endian bytes are the array's own bytes, in the same order."""
    return not (
        pixel_format.bits_allocated == 1
        or pixel_format.planar_configuration
        or pixel_format.is_subsampled
    )


def native_bytes(frames: npt.NDArray[Any], pixel_format: PixelFormat) -> memoryview:
    """Return stored values as uncompressed DICOM has them, little endian, without padding.

    Parameters
    ----------
    frames : ndarray of shape (rows, columns[, 3]) or (frames, rows, columns[, 3])
        One frame, or all frames of an instance: single bits go on from one frame to the next
        without a gap.
    pixel_format : PixelFormat
        Of one frame.

    Returns
    -------
    memoryview of bytes
        The last bits of the last byte, where pixels do not fill it, are 0.

    Raises
    ------
    DataConsistencyError
        Another shape; a one-bit frame with other values than 0 and 1; or neighbours that should
        share their colour, but differ.
    """
    import numpy as np

    _check_shape(frames, pixel_format)
    if pixel_format.bits_allocated == 1:
        if frames.size and int(frames.max()) > 1:
            raise DataConsistencyError(f"one-bit pixels are 0 or 1, not {int(frames.max())}")
        return memoryview(np.packbits(frames.reshape(-1), bitorder="little").data)
    if pixel_format.is_subsampled:
        frames = _subsampled(frames)
    elif pixel_format.planar_configuration:
        frames = np.moveaxis(frames, -1, -3)
    if sys.byteorder == "big":
        frames = frames.byteswap()
    return memoryview(np.ascontiguousarray(frames).data).cast("B")


def array_of_native(
    data: Buffer, pixel_format: PixelFormat, out: npt.NDArray[Any], bit_offset: int = 0
) -> None:
    """Fill `out` with the stored values of uncompressed Pixel Data.

    Parameters
    ----------
    data : bytes-like
        Little endian. Bytes behind the last pixel are not looked at.
    pixel_format : PixelFormat
        Of one frame.
    out : ndarray of shape (rows, columns[, 3]) or (frames, rows, columns[, 3])
        C-contiguous, of the format's type.
    bit_offset : int, optional
        Where in the first byte a one-bit frame begins, 0 to 7 from the least significant bit.

    Raises
    ------
    DataConsistencyError
        `data` is too short, or `out` does not fit.
    """
    import numpy as np

    count = _check_shape(out, pixel_format)
    if not 0 <= bit_offset < (8 if pixel_format.bits_allocated == 1 else 1):
        raise DataConsistencyError(f"a frame cannot begin at bit {bit_offset} of a byte")
    needed = -(-(bit_offset + count * pixel_format.native_bits) // 8)
    view = memoryview(data).cast("B")
    if len(view) < needed:
        raise DataConsistencyError(
            f"{count} frame(s) need {needed} bytes of Pixel Data, found {len(view)}"
        )
    view = view[:needed]
    if pixel_format.bits_allocated == 1:
        bits = np.unpackbits(np.frombuffer(view, np.uint8), bitorder="little")
        out[...] = bits[bit_offset : bit_offset + out.size].reshape(out.shape)
        return
    if is_plain(pixel_format) and out.flags.c_contiguous and sys.byteorder == "little":
        memoryview(out.data).cast("B")[:] = view
        return
    words = np.frombuffer(view, pixel_format.dtype.newbyteorder("<"))
    rows, columns = pixel_format.rows, pixel_format.columns
    if pixel_format.is_subsampled:
        pairs = words.reshape(*out.shape[:-2], columns // 2, 4)
        out[..., 0::2, 0], out[..., 1::2, 0] = pairs[..., 0], pairs[..., 1]
        for sample in (1, 2):
            out[..., 0::2, sample] = out[..., 1::2, sample] = pairs[..., 1 + sample]
    elif pixel_format.planar_configuration:
        out[...] = np.moveaxis(words.reshape(*out.shape[:-3], 3, rows, columns), -3, -1)
    else:
        out[...] = words.reshape(out.shape)


def _check_shape(frames: npt.NDArray[Any], pixel_format: PixelFormat) -> int:
    """Return the number of frames."""
    shape = pixel_format.shape
    if frames.shape == shape:
        return 1
    if frames.shape[1:] == shape:
        return int(frames.shape[0])
    raise DataConsistencyError(f"frames of shape {shape} are expected, found {frames.shape}")


def _subsampled(frames: npt.NDArray[Any]) -> np.ndarray[Any, Any]:
    """Return two pixels as Y, Y, Cb, Cr; the colour must be common to both."""
    import numpy as np

    if not np.array_equal(frames[..., 0::2, 1:], frames[..., 1::2, 1:]):
        raise DataConsistencyError(
            "neighbouring pixels must share their colour to be packed as YBR_FULL_422",
            suggestion="describe the frames as YBR_FULL",
        )
    even, odd = frames[..., 0::2, :], frames[..., 1::2, :1]
    return np.concatenate((even[..., :1], odd, even[..., 1:]), axis=-1)
