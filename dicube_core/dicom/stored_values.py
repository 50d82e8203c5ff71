"""Stored values of a source instance, exactly as its own transfer syntax holds them."""

from __future__ import annotations

import io
import os
import pickle
import sys
from typing import TYPE_CHECKING, Any

from dicube_core.codec.bounded import run_bounded
from dicube_core.codec.encapsulated import decoder_for
from dicube_core.codec.frame_headers import RLE, check_frame
from dicube_core.codec.rle import decode_rle
from dicube_core.dataset import uids
from dicube_core.dicom.kept_encoding import compressed_frame
from dicube_core.dicom.scan import PixelKind, SliceSource, converted_pixels
from dicube_core.exceptions import (
    CodecUnavailableError,
    DataConsistencyError,
    DecodeError,
    UnsupportedKindError,
)
from dicube_core.sample_layout import array_of_native, is_plain, native_bytes
from dicube_core.settings import get_limits

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np

    from dicube_core.pixels import PixelFormat

__all__ = ["htj2k_codestream", "read_stored_values", "stored_bytes"]


def read_stored_values(
    source: SliceSource, pixel_format: PixelFormat, out: np.ndarray[tuple[int, ...], np.dtype]
) -> None:
    """Fill `out` with one instance's frame.

    Parameters
    ----------
    source : SliceSource
        As scanned.
    pixel_format : PixelFormat
        What the scan said.
    out : ndarray of shape (rows, columns[, 3])
        C-contiguous, of the format's dtype.

    Raises
    ------
    DataConsistencyError
        The file changed since it was scanned, or its pixels contradict its header.
    DecodeError
        pydicom cannot decode the transfer syntax, or the data is damaged.
    """
    if source.kind is PixelKind.ENCAPSULATED:
        bounded = get_limits().decode_seconds is not None
        out[...] = (_decoded_apart if bounded else _decoded)(source, pixel_format)
        return
    if not is_plain(pixel_format):
        data = _native_data(source)
        array_of_native(data, pixel_format, out)
        _require_clear_end(data, source, pixel_format)
        return
    view = memoryview(out.data).cast("B")
    if source.kind is PixelKind.CONVERTED:
        view[:] = converted_pixels(source)
    elif isinstance(source.origin, bytes):
        view[:] = source.origin[source.pixel_offset : source.pixel_offset + source.pixel_length]
    else:
        _read_into(source, view)
    if sys.byteorder == "big":
        out.byteswap(inplace=True)


def _native_data(source: SliceSource) -> bytes | bytearray | memoryview:
    """Return the uncompressed Pixel Data of a source, little endian, without padding."""
    if source.kind is PixelKind.CONVERTED:
        return converted_pixels(source)
    if isinstance(source.origin, bytes):
        return source.origin[source.pixel_offset : source.pixel_offset + source.pixel_length]
    data = bytearray(source.pixel_length)
    _read_into(source, memoryview(data))
    return data


def _require_clear_end(
    data: bytes | bytearray | memoryview, source: SliceSource, pixel_format: PixelFormat
) -> None:
    """Refuse bits behind the last one-bit pixel that would not come back."""
    used = pixel_format.native_bits % 8
    if used and data[pixel_format.native_bits // 8] >> used:
        raise UnsupportedKindError(
            f"{source.header.name}: a one-bit image with data in the bits behind the last pixel "
            "cannot be kept whole by this version",
            suggestion="keep such files as DICOM",
            details={"path": source.header.name},
        )


def _read_into(source: SliceSource, view: memoryview) -> None:
    # O_NONBLOCK: what has taken the place of the file may be a FIFO.
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    descriptor = os.open(source.origin, flags)
    try:
        status = os.fstat(descriptor)
        if (status.st_size, status.st_mtime_ns) != (source.size, source.modified):
            raise DataConsistencyError(f"{source.header.name}: the file changed while it was read")
        os.lseek(descriptor, source.pixel_offset, os.SEEK_SET)
        with os.fdopen(descriptor, "rb", buffering=0, closefd=False) as file:
            while view:
                count = file.readinto(view)
                if not count:
                    raise DataConsistencyError(f"{source.header.name}: the file was cut")
                view = view[count:]
    finally:
        os.close(descriptor)


def _decoded(
    source: SliceSource, pixel_format: PixelFormat
) -> np.ndarray[tuple[int, ...], np.dtype]:
    """Decode compressed pixel data with the plugin of pydicom that is trusted with it."""
    import numpy as np
    from pydicom import dcmread
    from pydicom.pixels.utils import pixel_array

    name, photometric = source.header.name, ""
    syntax = source.header.source_syntax
    file = io.BytesIO(source.origin) if isinstance(source.origin, bytes) else source.origin
    frame, plugin = _checked(source, pixel_format)
    if syntax == RLE:
        try:
            return decode_rle(frame, pixel_format)
        except DecodeError as exc:
            raise _contradicting(source, exc) from exc
    try:
        # What stands in bits outside of BitsStored is kept too, and colour is not converted.
        if pixel_format.is_colour:
            array, photometric = _decoded_colour(file, syntax, plugin)
        else:
            # pydicom does not find compressed pixels in a file whose elements have no VRs, unless
            # all of it is read.
            whole = file if source.header.explicit else dcmread(file, force=True)
            array = pixel_array(whole, decoding_plugin=plugin, correct_unused_bits=False)
    except Exception as exc:
        raise _not_decoded(source, exc) from exc
    if array.shape != pixel_format.shape:
        raise DataConsistencyError(
            f"{name}: pixel data decodes to {array.shape}, the header says {pixel_format.shape}"
        )
    if photometric not in ("", pixel_format.photometric_interpretation):
        raise UnsupportedKindError(
            f"{name}: pixel data decodes to {photometric}, "
            f"{pixel_format.photometric_interpretation} was expected of its header and frame",
            suggestion="keep such files as DICOM",
            details={"path": name},
        )
    values = array.astype(pixel_format.dtype)
    if not np.array_equal(values, array):
        raise DataConsistencyError(
            f"{name}: decoded values do not fit {pixel_format.bits_allocated} bits, "
            f"PixelRepresentation {pixel_format.pixel_representation}"
        )
    return values


def _decoded_apart(
    source: SliceSource, pixel_format: PixelFormat
) -> np.ndarray[tuple[int, ...], np.dtype]:
    """Do the same in a worker process, within the limits; see `dicube_core.codec.bounded`."""
    task = pickle.dumps((source, pixel_format))
    try:
        return run_bounded("dicube_core.dicom.stored_values:source_task", {}, task, pixel_format)
    except DecodeError as exc:
        name = source.header.name
        if exc.message.startswith(name):
            raise
        raise DecodeError(
            f"{name}: pixel data at byte {source.pixel_offset}: {exc.message}",
            suggestion=exc.suggestion,
            details={**exc.details, "path": name, "offset": source.pixel_offset},
        ) from exc


def source_task(_: dict[str, Any]) -> Callable[[bytes], np.ndarray[tuple[int, ...], np.dtype]]:
    """Load what decodes sources, in a worker process; return the function that does."""
    import numpy  # noqa: F401
    import pydicom.pixels.utils  # noqa: F401

    return lambda task: _decoded(*pickle.loads(task))  # noqa: S301 - from the parent


def _checked(source: SliceSource, pixel_format: PixelFormat) -> tuple[bytes, str]:
    """Check the frame's own header; return the frame, and the plugin that is to decode it.

    A decoder allocates what the frame asks for, which need not be what the header says.
    """
    name, syntax = source.header.name, source.header.source_syntax
    frame = compressed_frame(source)
    try:
        check_frame(frame, syntax, pixel_format)
        return frame, decoder_for(syntax)[1]
    except DecodeError as exc:
        raise _contradicting(source, exc) from exc
    except CodecUnavailableError as exc:
        raise CodecUnavailableError(
            f"{name}: {exc.message}", suggestion=exc.suggestion, details={"path": name}
        ) from exc


def _contradicting(source: SliceSource, cause: DecodeError) -> DecodeError:
    """Say where the frame is that was refused before, or while, it was decoded."""
    name, offset = source.header.name, source.pixel_offset
    return DecodeError(
        f"{name}: pixel data at byte {offset} in transfer syntax {source.header.source_syntax} "
        f"cannot be decoded: {cause.message}",
        suggestion=cause.suggestion,
        details={**cause.details, "path": name, "offset": offset},
    )


def _not_decoded(source: SliceSource, cause: Exception) -> DecodeError:
    """Say of all decoders that were tried why they could not, in one line."""
    first, *reasons = [line.strip() for line in str(cause).splitlines()] or [""]
    # A decoder that broke down instead of saying something is not quoted.
    said = [reason for reason in reasons if "object has no attribute" not in reason]
    why = "; ".join(said or reasons) or first
    suggestion = "if a decoder is missing: pip install 'dicube-plugins[decoders]'"
    if reasons:
        suggestion = "its frame is damaged or of a kind none of them reads; keep it as DICOM"
    name, syntax = source.header.name, source.header.source_syntax
    return DecodeError(
        f"{name}: pixel data at byte {source.pixel_offset} in transfer syntax {syntax} cannot be "
        f"decoded: {why}",
        suggestion=suggestion,
        details={"path": name, "offset": source.pixel_offset},
    )


def _decoded_colour(file: Any, syntax: str, plugin: str) -> tuple[np.ndarray[Any, Any], str]:
    """Return the samples of a colour frame as they are, and what pydicom says that they are."""
    from pydicom import dcmread
    from pydicom.pixels.decoders.base import get_decoder

    array, properties = get_decoder(syntax).as_array(
        dcmread(file, force=True),
        raw=True,
        decoding_plugin=plugin,
        correct_unused_bits=False,  # type: ignore[arg-type]
    )
    photometric = str(properties["photometric_interpretation"])
    # The decoder has filled in the colour that pixels share.
    return array, "YBR_FULL" if photometric == "YBR_FULL_422" else photometric


def htj2k_codestream(source: SliceSource) -> bytes | None:
    """Return the codestream of an HTJ2K source, None for sources in any other syntax.

    Whether it may be kept as it is must be decided by the codec's `inspect`.
    """
    if source.kind is not PixelKind.ENCAPSULATED or source.header.source_syntax not in (
        uids.HTJ2K_LOSSLESS,
        uids.HTJ2K_LOSSLESS_RPCL,
        uids.HTJ2K,
    ):
        return None
    from pydicom.encaps import generate_frames

    data = source.origin if isinstance(source.origin, bytes) else source.origin.read_bytes()
    value = data[source.pixel_offset : source.pixel_offset + source.pixel_length]
    (frame,) = generate_frames(value, number_of_frames=1)
    # A fragment has an even length (PS3.5 A.4); the codestream ends with its EOC marker.
    return frame[:-1] if frame.endswith(b"\xff\xd9\0") else frame


def stored_bytes(
    frame: np.ndarray[Any, Any], pixel_format: PixelFormat | None = None
) -> memoryview:
    """Return a frame's stored values as DICOM has them, little endian; see `native_bytes`.

    Without a format: row by row, as the array has them.
    """
    import numpy as np

    if pixel_format is not None and not is_plain(pixel_format):
        return native_bytes(frame, pixel_format)
    if sys.byteorder == "big":
        frame = frame.byteswap()
    return memoryview(np.ascontiguousarray(frame).data).cast("B")
