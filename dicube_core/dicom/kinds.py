"""Which kinds of image are kept, and the names of those that are refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dicube_core.dataset import uids
from dicube_core.dicom.pixel_fields import FLOAT_PIXELS

if TYPE_CHECKING:
    from dicube_core.dicom.scan import SliceSource

__all__ = ["object_refusal", "pixel_refusal"]

_SOP_CLASS, _SAMPLES, _PHOTOMETRIC = 0x00080016, 0x00280002, 0x00280004
_PLANAR, _COLUMNS, _BITS, _SIGN = 0x00280006, 0x00280011, 0x00280100, 0x00280103
#: SOP classes with pixels that are derived from an image rather than one (PS3.4 B.5).
_DERIVED = frozenset(
    f"1.2.840.10008.5.1.4.1.1.66.{number}" for number in (4, 7, 8)
)  # Segmentation, Label Map Segmentation, Height Map Segmentation
_MONOCHROME = ("MONOCHROME1", "MONOCHROME2", "PALETTE COLOR")
_COLOUR = ("RGB", "YBR_FULL", "YBR_FULL_422")
_VIDEO = tuple(f"1.2.840.10008.1.2.4.{number}" for number in range(100, 109))


def object_refusal(source: SliceSource) -> str:
    """Return the name of an object that is not an image to be kept, '' for an image.

    Parameters
    ----------
    source : SliceSource
        As scanned, with pixels or without.
    """
    # The names are pydicom's, which takes longer to import than a small series to convert.
    class_uid = source.text(_SOP_CLASS)
    if source.kind == "none":
        name = _name(class_uid)
        return f"{name}, an instance without pixel data," if name else _NO_PIXELS
    if class_uid in _DERIVED:
        return f"{_name(class_uid)}, which is derived from an image,"
    if source.header.source_syntax.startswith(_VIDEO):
        return f"a video ({_name(source.header.source_syntax)})"
    return ""


_NO_PIXELS = "an instance without pixel data"


def _name(uid: str) -> str:
    """Return the name that DICOM gives to a UID (PS3.6 annex A), '' where there is no UID."""
    from pydicom.uid import UID

    return UID(uid).name if uid else ""


def pixel_refusal(source: SliceSource) -> str:
    """Return the name of a kind of pixels that is not kept, '' for one that is."""
    photometric = source.text(_PHOTOMETRIC)
    if not photometric:
        return "an image without Photometric Interpretation"
    samples = source.number(_SAMPLES) or 1
    bits = source.number(_BITS)
    if any(tag in source.values for tag in FLOAT_PIXELS):
        good = samples == 1 and photometric in _MONOCHROME[:2]
        return "" if good else f"floating point pixel data of {samples} samples ({photometric})"
    if samples == 1:
        return _grey_refusal(source, photometric, bits)
    if samples != 3 or photometric not in _COLOUR:
        return f"a colour image ({photometric}, {samples} samples per pixel)"
    return _colour_refusal(source, photometric, bits)


def _grey_refusal(source: SliceSource, photometric: str, bits: int | None) -> str:
    if photometric not in _MONOCHROME:
        return f"a colour image ({photometric}) of one sample per pixel"
    if bits == 1 and source.number(_SIGN):
        return "a signed one-bit image"
    header = source.header
    if bits == 1 and header.source_syntax == uids.EXPLICIT_BE and header.pixel_header[4:6] == b"OW":
        return "a big endian one-bit image in words (OW), whose bits readers take in another order,"
    return "" if bits in (1, 8, 16, 32) else f"a {bits}-bit image"


def _colour_refusal(source: SliceSource, photometric: str, bits: int | None) -> str:
    planar = source.number(_PLANAR)
    if planar not in (0, 1):
        return f"a colour image with Planar Configuration {planar}"
    if photometric == "YBR_FULL_422" and (planar or (source.number(_COLUMNS) or 0) % 2):
        return "a YBR_FULL_422 image of odd width, or plane by plane,"
    return "" if bits in (8, 16, 32) else f"a colour image of {bits} bits"
