"""What a compressed frame says of itself, read before a decoder of its kind is given it.

Decoders allocate what the header of a codestream asks for, whatever the file around it says. So
RLE, JPEG, JPEG-LS and JPEG 2000 frames are read here first, as far as size, depth and structure
go: a frame that contradicts its file, or that could not hold what it claims, is refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from dicube_core.codec._frame_damage import frame_damage
from dicube_core.codec._jpeg2000_header import read_jpeg2000
from dicube_core.codec._jpeg_header import read_jpeg
from dicube_core.codec.frame_limit import require_within_limit
from dicube_core.codec.rle import check_rle
from dicube_core.exceptions import DecodeError

if TYPE_CHECKING:
    from dicube_core.pixels import PixelFormat

__all__ = ["RLE", "check_frame", "decoders_of"]


class _Kind(NamedTuple):
    """How frames of some transfer syntaxes are read, and by which plugins of pydicom decoded."""

    decoders: tuple[str, ...]
    markers: frozenset[int] = frozenset()


# Never GDCM, which pydicom would ask first: it ends the process over some damaged frames. The
# first one that is installed decodes, alone: a second opinion on a frame that the first one finds
# damaged would be a wrong picture. CharLS checks more than libjpeg does.
_LIBJPEG = ("pylibjpeg", "pillow")
_SEQUENTIAL = frozenset((0xC0, 0xC1))
_JPEG = {
    "1.2.840.10008.1.2.4.50": _Kind(_LIBJPEG, _SEQUENTIAL),
    "1.2.840.10008.1.2.4.51": _Kind(_LIBJPEG, _SEQUENTIAL),
    "1.2.840.10008.1.2.4.57": _Kind(("pylibjpeg",), frozenset((0xC3,))),
    "1.2.840.10008.1.2.4.70": _Kind(("pylibjpeg",), frozenset((0xC3,))),
    "1.2.840.10008.1.2.4.80": _Kind(("pyjpegls", "pylibjpeg"), frozenset((0xF7,))),
    "1.2.840.10008.1.2.4.81": _Kind(("pyjpegls", "pylibjpeg"), frozenset((0xF7,))),
}
_JPEG_2000 = dict.fromkeys(
    (f"1.2.840.10008.1.2.4.{number}" for number in (90, 91, 201, 202, 203)),
    _Kind(("pylibjpeg",)),
)
RLE = "1.2.840.10008.1.2.5"
# RLE is decoded here, see `decode_rle`; pydicom's own decoder is for comparisons.
_KINDS = {**_JPEG, **_JPEG_2000, RLE: _Kind(("pydicom",))}


def decoders_of(syntax: str) -> tuple[str, ...]:
    """Return the plugins of pydicom that may decode a transfer syntax, the one to prefer first.

    Empty for transfer syntaxes whose frames are not read here, and so never decoded.
    """
    kind = _KINDS.get(syntax)
    return kind.decoders if kind else ()


def check_frame(frame: bytes, syntax: str, pixel_format: PixelFormat) -> None:
    """Refuse a compressed frame that is not what its file says, or cannot hold what it claims.

    Parameters
    ----------
    frame : bytes
        One frame, its fragments joined.
    syntax : str
        Transfer Syntax UID.
    pixel_format : PixelFormat
        What the file says of its frames.

    Raises
    ------
    DecodeError
        Another size, depth or number of components, a structure that cannot be, more data than
        the frame has bytes for, or a frame above the limit. The message names the byte.
    """
    if not frame:
        raise DecodeError("the compressed frame is empty", details={"offset": 0})
    if pixel_format.real:
        raise DecodeError(f"compressed frames hold no {pixel_format.dtype_name} values")
    require_within_limit(pixel_format)
    if syntax == RLE:
        check_rle(frame, pixel_format)
    elif syntax in _JPEG:
        found = read_jpeg(frame, _JPEG[syntax].markers)
        _compare("SOF", found.offset, found[1:], pixel_format)
    elif syntax in _JPEG_2000:
        stated = read_jpeg2000(frame)
        _compare("SIZ", stated.offset, stated[1:], pixel_format)
    else:
        raise DecodeError(f"frames in transfer syntax {syntax} are not decoded by this version")


def _compare(
    marker: str, offset: int, found: tuple[int, int, int, int], pixel_format: PixelFormat
) -> None:
    rows, columns, components, precision = found
    expected = (pixel_format.rows, pixel_format.columns, pixel_format.samples_per_pixel)
    if (rows, columns, components) != expected:
        raise frame_damage(marker, offset, _size(*expected), _size(rows, columns, components))
    if precision > pixel_format.container_bits:
        raise frame_damage(marker, offset, f"at most {pixel_format.container_bits} bits", precision)


def _size(rows: int, columns: int, components: int) -> str:
    return f"{rows}x{columns} with {components} component(s)"
