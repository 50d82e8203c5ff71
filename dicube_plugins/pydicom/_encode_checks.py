"""What may become HTJ2K without any loss, and be read right by others afterwards.

pydicom hands an encoder single frames in which bits were already left out. So a source is looked
at as a whole, before pydicom touches it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRBigEndian

from dicube_core.exceptions import UnsupportedKindError
from dicube_core.pixels import PixelFormat

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["EncodeRequest", "require_encodable"]

_GREY = ("MONOCHROME1", "MONOCHROME2", "PALETTE COLOR")
_KEEP = "keep it uncompressed"
_USE_ARRAY = "ds.compress(uid, ds.pixel_array)"


@dataclass(frozen=True, slots=True)
class EncodeRequest:
    """Frames that are to be encoded, as the data set or the options describe them.

    Parameters
    ----------
    rows, columns, samples, frames : int
        Their size and number.
    bits_allocated, bits_stored, high_bit, pixel_representation : int
        How values lie in their words.
    photometric : str
        Photometric Interpretation of the result.
    planar : int
        Planar Configuration.
    source : ndarray, bytes-like or None
        The pixels.
    big_endian : bool
        Whether the words of `source` have this byte order, if it is not an array.
    """

    rows: int
    columns: int
    samples: int
    frames: int
    bits_allocated: int
    bits_stored: int
    high_bit: int
    pixel_representation: int
    photometric: str
    planar: int
    source: Any
    big_endian: bool

    @classmethod
    def of(cls, source: Any, options: dict[str, Any]) -> EncodeRequest:
        """Take it from a data set, or from the options that go with an array or bytes."""
        pixels, big_endian = source, options.get("byteorder", "<") == ">"
        get: Callable[[str], Any] = options.get
        if isinstance(source, Dataset):
            pixels = source.get("PixelData")
            file_meta = getattr(source, "file_meta", None) or {}
            big_endian = file_meta.get("TransferSyntaxUID") == ExplicitVRBigEndian

            def get(name: str) -> Any:
                keyword = "".join(part.capitalize() for part in name.split("_"))
                return options.get(name, source.get(keyword))

        stored = int(get("bits_stored") or 0)
        high_bit = get("high_bit")
        return cls(
            rows=int(get("rows") or 0),
            columns=int(get("columns") or 0),
            samples=int(get("samples_per_pixel") or 1),
            frames=int(get("number_of_frames") or 1),
            bits_allocated=int(get("bits_allocated") or 0),
            bits_stored=stored,
            high_bit=stored - 1 if high_bit is None else int(high_bit),
            pixel_representation=int(get("pixel_representation") or 0),
            photometric=str(get("photometric_interpretation") or ""),
            planar=int(get("planar_configuration") or 0),
            source=pixels,
            big_endian=big_endian and not isinstance(pixels, np.ndarray),
        )


def require_encodable(request: EncodeRequest) -> None:
    """Refuse what would not come back as it is, or be misread by common decoders.

    Raises
    ------
    UnsupportedKindError
        Named, with what helps. What pydicom itself refuses is left to it.
    """
    problems = _problems_of_words(request)
    if not problems:
        problems = _problems_of_grey(request) if request.samples == 1 else _of_colour(request)
    for problem, advice in problems[:1]:
        raise UnsupportedKindError(f"not compressed to HTJ2K: {problem}", suggestion=advice)


def _problems_of_words(request: EncodeRequest) -> list[tuple[str, str]]:
    allocated, stored = request.bits_allocated, request.bits_stored
    big = "its pixels are big-endian, of which an encoder is not told"
    checks = (
        (request.source is None, "it has no Pixel Data", _KEEP),
        (allocated not in (8, 16, 32), f"Bits Allocated is {allocated}, not 8, 16 or 32", _KEEP),
        (stored > 16, f"Bits Stored is {stored}; few decoders read more than 16", _KEEP),
        (not 1 <= stored <= allocated, f"Bits Stored is {stored} of {allocated}", _KEEP),
        (
            request.high_bit != stored - 1,
            f"High Bit is {request.high_bit}, not {stored - 1}",
            _KEEP,
        ),
        (request.big_endian, big, f"use {_USE_ARRAY}, and pydicom.dcmwrite to write it"),
        (request.samples not in (1, 3), f"Samples per Pixel is {request.samples}", _KEEP),
    )
    return [(problem, advice) for found, problem, advice in checks if found]


def _of_colour(request: EncodeRequest) -> list[tuple[str, str]]:
    # Common decoders misread components that were not transformed, so there is one way only.
    photometric, depth = request.photometric, (request.bits_stored, request.bits_allocated)
    rct = "set ds.PhotometricInterpretation = 'YBR_RCT' first; the values stay RGB"
    by_pixel = f"set ds.PlanarConfiguration = 0 and use {_USE_ARRAY} with the array taken before"
    not_8_or_16 = depth not in ((8, 8), (16, 16)) or request.pixel_representation == 1
    planar = request.planar and not isinstance(request.source, np.ndarray)
    checks = (
        (photometric == "RGB", "RGB would have to be written without a colour transform", rct),
        (photometric != "YBR_RCT", f"it is {photometric}", f"convert it to RGB; {rct}"),
        (not_8_or_16, "colour of other than 8 or 16 unsigned bits", _KEEP),
        (planar, "it is stored colour by plane, and decoders return it by pixel", by_pixel),
    )
    return [(problem, advice) for found, problem, advice in checks if found]


def _problems_of_grey(request: EncodeRequest) -> list[tuple[str, str]]:
    """Refuse data in the unused bits, which would be lost or become part of the pixel."""
    if request.photometric not in _GREY:
        return [(f"it is {request.photometric} with one sample per pixel", _KEEP)]
    words = _words(request)
    if not words.size:
        return []
    low, high = int(words.min()), int(words.max())
    top = 1 << request.bits_stored
    fits = low >= 0 and high < top
    if request.pixel_representation:
        # In the first case, a sign that was not carried into the unused bits; it will be.
        bare_sign = fits and not isinstance(request.source, np.ndarray)
        fits = bare_sign or (low >= -(top >> 1) and high < top >> 1)
    if fits:
        return []
    problem = (
        f"values from {low} to {high} do not fit into Bits Stored {request.bits_stored}, so there "
        "are data in the bits beside the pixel"
    )
    return [(problem, f"if they may be lost, use {_USE_ARRAY}")]


def _words(request: EncodeRequest) -> np.ndarray[Any, Any]:
    """Return the stored words of all frames; none where pydicom will refuse the source."""
    if isinstance(request.source, np.ndarray):
        return request.source
    kind = PixelFormat(
        request.rows or 1,
        request.columns or 1,
        request.bits_allocated,
        request.bits_stored,
        request.pixel_representation,
    )
    size = kind.n_bytes * request.frames
    data = request.source[:size]
    return np.frombuffer(data if len(data) == size else b"", kind.dtype.newbyteorder("<"))
