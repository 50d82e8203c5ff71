"""Tiny CT slices with known values, made by the code that makes real slices."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from struct import pack
from typing import TYPE_CHECKING

from dicube_core.dataset import uids
from dicube_core.dataset.elements import EXPLICIT_LITTLE, PIXEL_DATA, element_header
from dicube_core.dicom.file_meta import PREAMBLE
from dicube_core.dicom.headers import SliceHeader
from dicube_core.dicom.instance import encapsulated_instance, encapsulated_parts, native_instance
from dicube_core.pixels import PixelFormat

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

__all__ = ["REVISION", "ProbeSlice", "probe_slices"]

#: Changes whenever the slices do, so that no result of other slices is taken for theirs.
REVISION = 1
_SIZE = 16
#: Name -> (bits allocated, bits stored, signed). Fewer bits stored than allocated is a case of
#: its own: some decoders forget to extend the sign.
_FORMATS = {
    "unsigned 16-bit": (16, 16, False),
    "signed 16-bit": (16, 16, True),
    "unsigned 12-bit": (16, 12, False),
    "signed 12-bit": (16, 12, True),
    "unsigned 8-bit": (8, 8, False),
}
_ROOT = "2.25.230920761641267428130175347777714511914.1"


@dataclass(frozen=True, slots=True)
class ProbeSlice:
    """One slice in one transfer syntax.

    Parameters
    ----------
    name : str
        What is special about it.
    data : bytes
        The DICOM file.
    values : tuple of int
        Its stored values, row by row.
    """

    name: str
    data: bytes
    values: tuple[int, ...]


@lru_cache(maxsize=4)
def probe_slices(transfer_syntax: str) -> tuple[ProbeSlice, ...]:
    """Return all slices in one transfer syntax: Explicit VR Little Endian or a form of HTJ2K."""
    return tuple(_slice(number, name, transfer_syntax) for number, name in enumerate(_FORMATS, 1))


def _slice(number: int, name: str, transfer_syntax: str) -> ProbeSlice:
    allocated, stored, signed = _FORMATS[name]
    pixel_format = PixelFormat(_SIZE, _SIZE, allocated, stored, int(signed))
    frame = _frame(pixel_format)
    pixels = frame.astype(frame.dtype.newbyteorder("<")).tobytes()
    header = _header(number, name, pixel_format, len(pixels))
    if transfer_syntax == uids.EXPLICIT_LE:
        data = native_instance(header, pixels)
    else:
        from dicube_core.codec.openjph import OpenJPHCodec

        codec = OpenJPHCodec(tlm=transfer_syntax == uids.HTJ2K_LOSSLESS_RPCL)
        parts = encapsulated_parts(header, transfer_syntax)
        data = encapsulated_instance(parts, codec.encode(frame, pixel_format))
    return ProbeSlice(name, data, tuple(int(v) for v in frame.flat))


def _frame(pixel_format: PixelFormat) -> npt.NDArray[np.integer]:
    """Return values from the lowest to the highest, in an order without any symmetry."""
    import numpy as np

    n = _SIZE * _SIZE
    bits = pixel_format.bits_stored
    low = -(1 << (bits - 1)) if pixel_format.pixel_representation else 0
    steps = (np.arange(n, dtype=np.int64) * 97 + 13) % n  # 97 and 256 have no common factor
    values = low + steps * ((1 << bits) - 1) // (n - 1)
    return values.reshape(_SIZE, _SIZE).astype(pixel_format.dtype)


def _header(number: int, name: str, pixel_format: PixelFormat, length: int) -> SliceHeader:
    """Return the header of a CT image; see PS3.3 A.3."""
    series = f"{_ROOT}.{number}"
    elements: dict[int, tuple[bytes, str | int]] = {
        0x00080008: (b"CS", "ORIGINAL\\PRIMARY\\AXIAL"),
        0x00080016: (b"UI", "1.2.840.10008.5.1.4.1.1.2"),
        0x00080018: (b"UI", f"{series}.1"),
        0x00080020: (b"DA", "20240101"),
        0x00080030: (b"TM", "120000"),
        0x00080060: (b"CS", "CT"),
        0x00080070: (b"LO", "dicube"),
        0x0008103E: (b"LO", name),
        0x00100010: (b"PN", "Probe^Dicube"),
        0x00100020: (b"LO", "PROBE"),
        0x00180050: (b"DS", "1"),
        0x0020000D: (b"UI", f"{_ROOT}.0"),
        0x0020000E: (b"UI", series),
        0x00200010: (b"SH", "1"),
        0x00200011: (b"IS", str(number)),
        0x00200013: (b"IS", "1"),
        0x00200032: (b"DS", "0\\0\\0"),
        0x00200037: (b"DS", "1\\0\\0\\0\\1\\0"),
        0x00200052: (b"UI", f"{_ROOT}.9"),
        0x00280002: (b"US", 1),
        0x00280004: (b"CS", "MONOCHROME2"),
        0x00280010: (b"US", pixel_format.rows),
        0x00280011: (b"US", pixel_format.columns),
        0x00280030: (b"DS", "1\\1"),
        0x00280100: (b"US", pixel_format.bits_allocated),
        0x00280101: (b"US", pixel_format.bits_stored),
        0x00280102: (b"US", pixel_format.high_bit),
        0x00280103: (b"US", pixel_format.pixel_representation),
        # Scaling would hide from tools that apply it which values they decoded.
        0x00281052: (b"DS", "0"),
        0x00281053: (b"DS", "1"),
    }
    vr = b"OW" if pixel_format.bits_allocated > 8 else b"OB"
    return SliceHeader(
        preamble=PREAMBLE,
        file_meta=b"",
        head=b"".join(_element(tag, *value) for tag, value in elements.items()),
        pixel_header=element_header(PIXEL_DATA, vr, length, EXPLICIT_LITTLE),
        padding=b"",
        tail=b"",
        explicit=True,
        exact=False,
        source_syntax="",
        name=f"probe_{number}.dcm",
    )


def _element(tag: int, vr: bytes, value: str | int) -> bytes:
    data = pack("<H", value) if isinstance(value, int) else value.encode("ascii")
    data += (b"\0" if vr == b"UI" else b" ") * (len(data) % 2)
    return element_header(tag, vr, len(data), EXPLICIT_LITTLE) + data
