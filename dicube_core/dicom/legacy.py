"""Slices of files that hold no original headers (written by others, or without DICOM source).

Headers are made from the merged metadata. The pixel description comes from the pixel header
alone: the incumbent writer rescales pixels on ingest but keeps the source's description of them
in the metadata (``docs/format.md``, quirks).
"""

from __future__ import annotations

from dataclasses import replace
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from dicube_core.dataset import uids
from dicube_core.dataset.elements import EXPLICIT_LITTLE, PIXEL_DATA, element_header, walk
from dicube_core.dicom.file_meta import file_meta_for
from dicube_core.dicom.headers import HeaderSequence, SliceHeader
from dicube_core.dicom.pixel_fields import FLOAT_TAGS
from dicube_core.error_places import errors_name
from dicube_core.exceptions import MetaDataError, UnsupportedKindError
from dicube_core.kept_values import KeptValues

if TYPE_CHECKING:
    from dicube_core.metadata.meta import DicomMeta
    from dicube_core.pixel_header import PixelDataHeader
    from dicube_core.pixels import PixelFormat

__all__ = [
    "MadeHeaders",
    "header_from_dataset_bytes",
    "headers_from_meta",
    "pixel_element",
    "repair_pixel_description",
]

#: Bytes of made headers to keep. Those of all slices may be many times as long as the file, which
#: holds what slices share once.
_MADE_BYTES = 32 << 20
#: Smallest/Largest Image Pixel Value and friends speak of pixels that were since rescaled.
_STALE = ("00280106", "00280107", "00280108", "00280109", "00283000")


def repair_pixel_description(
    merged: dict[str, Any], pixel_format: PixelFormat, pixel_header: PixelDataHeader
) -> dict[str, Any]:
    """Return the merged metadata with the pixel description that the pixels really have."""
    fixed = {tag: entry for tag, entry in merged.items() if tag not in _STALE}

    def put(tag: str, vr: str, value: Any) -> None:
        fixed[tag] = {"vr": vr, "shared": True, "Value": [value]}

    put("00280002", "US", pixel_format.samples_per_pixel)
    if pixel_format.is_colour:
        put("00280006", "US", pixel_format.planar_configuration)
    put("00280010", "US", pixel_format.rows)
    put("00280011", "US", pixel_format.columns)
    put("00280100", "US", pixel_format.bits_allocated)
    if not pixel_format.real:
        put("00280101", "US", pixel_format.bits_stored)
        put("00280102", "US", pixel_format.high_bit)
        put("00280103", "US", pixel_format.pixel_representation)
    if "00280004" not in fixed:
        put("00280004", "CS", pixel_format.photometric_interpretation)
    for tag, value in (
        ("00281052", pixel_header.RescaleIntercept),
        ("00281053", pixel_header.RescaleSlope),
    ):
        if isinstance(value, list):
            fixed[tag] = {"vr": "DS", "shared": False, "Value": list(value)}
        elif tag in fixed or value not in (0, 1) or _differs(pixel_header):
            put(tag, "DS", value)
    return dict(sorted(fixed.items()))


def _differs(pixel_header: PixelDataHeader) -> bool:
    """Whether stored and modality values differ, so that both rescale elements are needed."""
    return pixel_header.RescaleSlope != 1 or pixel_header.RescaleIntercept != 0


def headers_from_meta(meta: DicomMeta, pixel_format: PixelFormat) -> list[SliceHeader]:
    """Return one header per slice, in Explicit VR Little Endian.

    Raises
    ------
    MetaDataError
        The metadata of a slice is not a data set.
    """
    return list(MadeHeaders(meta, pixel_format))


class MadeHeaders(HeaderSequence):
    """Headers made from merged metadata, each when first asked for. Safe for threads.

    In Explicit VR Little Endian. Asking for one may raise `MetaDataError`: the metadata of that
    slice is not a data set.

    Parameters
    ----------
    meta, pixel_format
        What they are made of.
    place : str, optional
        Where the metadata stands, for messages.
    """

    def __init__(self, meta: DicomMeta, pixel_format: PixelFormat, place: str = "") -> None:
        self._meta, self._format, self._place = meta, pixel_format, place
        self._made: KeptValues[int, SliceHeader] = KeptValues(_MADE_BYTES, attrgetter("n_bytes"))

    def __len__(self) -> int:
        return self._meta.slice_count

    def _header(self, number: int) -> SliceHeader:
        made = self._made.get(number)
        return self._made.add(number, self._make(number)) if made is None else made

    def _make(self, index: int) -> SliceHeader:
        from dicube_core.metadata.edits import encode_dataset

        # Group 0002 belongs to the file meta information, which is made anew.
        model = {t: e for t, e in self._meta.index(index).items() if not t.startswith("0002")}
        with errors_name(self._place):
            try:
                data = encode_dataset(model, EXPLICIT_LITTLE)
            except MetaDataError as exc:
                raise MetaDataError(f"slice {index}: {exc.message}") from exc
            return header_from_dataset_bytes(data, self._format, f"slice_{index:04d}.dcm")


def pixel_element(pixel_format: PixelFormat) -> tuple[int, bytes]:
    """Return tag and explicit VR of the element that holds such frames (PS3.5 8.1.1, A.2).

    Raises
    ------
    UnsupportedKindError
        DICOM has none for integers of 64 bits.
    """
    if pixel_format.real:
        tag = FLOAT_TAGS[pixel_format.bits_allocated]
        return tag, b"OF" if pixel_format.bits_allocated == 32 else b"OD"
    if pixel_format.bits_allocated == 64:
        raise UnsupportedKindError(
            "integers of 64 bits cannot be pixels of a DICOM file",
            suggestion="read them as an array, or save them as NIfTI",
        )
    return PIXEL_DATA, b"OW" if pixel_format.bits_allocated > 8 else b"OB"


def header_from_dataset_bytes(data: bytes, pixel_format: PixelFormat, name: str) -> SliceHeader:
    """Make a header of an Explicit VR Little Endian data set without pixel data."""
    tag, vr = pixel_element(pixel_format)
    cut = next((e.start for e in walk(data) if e.tag > tag), len(data))
    padding = b"\0" * (pixel_format.native_length % 2)
    length = pixel_format.native_length + len(padding)
    draft = SliceHeader(
        preamble=bytes(128) + b"DICM",
        file_meta=b"",
        head=data[:cut],
        pixel_header=element_header(tag, vr, length, EXPLICIT_LITTLE),
        padding=padding,
        tail=data[cut:],
        explicit=True,
        exact=True,
        source_syntax=uids.EXPLICIT_LE,
        name=name,
    )
    return replace(draft, file_meta=file_meta_for(draft, uids.EXPLICIT_LE))
