"""Pixel header and codec, made again where the file's own description is damaged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dicube_core.codec.registry import ENCAPSULATED
from dicube_core.container.extension import KEPT_ENCODING
from dicube_core.dataset.elements import EXPLICIT_LITTLE
from dicube_core.dataset.find import find_explicit, header_values
from dicube_core.dicom.description import pixel_header_of
from dicube_core.dicom.kept_encoding import parse_kept
from dicube_core.dicom.pixel_fields import FLOAT_TAGS, numbers, pixel_format_of, rescale_of
from dicube_core.exceptions import DicomCubeError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dicube_core.dicom.headers import SliceHeader
    from dicube_core.pixel_header import PixelDataHeader
    from dicube_core.pixels import PixelFormat
    from dicube_core.salvage.frames import FoundFrames
    from dicube_core.salvage.headers import Headers
    from dicube_core.salvage.places import Places

__all__ = ["first_window", "guessed_codec", "made_pixel_header", "values_of_slices"]

_CENTER, _WIDTH = 0x00281050, 0x00281051


def values_of_slices(merged: dict[str, Any], count: int) -> list[dict[int, bytes]]:
    """Return what `header_values` would of the slices of merged metadata.

    Raises
    ------
    DicomCubeError
        It is not metadata of so many slices.
    """
    from dicube_core.metadata.edits import encode_dataset
    from dicube_core.metadata.meta import DicomMeta

    meta = DicomMeta(merged, slice_count=count)
    result = []
    for index in range(count):
        data = encode_dataset(dict(meta.index(index)), EXPLICIT_LITTLE)
        values = find_explicit(data, 0, len(data))[0]
        if 0x00280101 not in values:  # real values have no Bits Stored
            tag = FLOAT_TAGS.get(int.from_bytes(values.get(0x00280100, b""), "little"))
            values |= {} if tag is None else {tag: b""}
        result.append(values)
    return result


def made_pixel_header(
    values: Sequence[dict[int, bytes]], name: str
) -> tuple[PixelFormat, PixelDataHeader]:
    """Return what the headers of the frames say of the stored values.

    Parameters
    ----------
    values : sequence of dict
        Of each frame, as from `header_values`.
    name : str
        Put in front of errors.

    Raises
    ------
    DicomCubeError
        They do not say it.
    """
    pixel_format = pixel_format_of(values[0], name)
    rescale = [rescale_of(own) for own in values]
    return pixel_format, pixel_header_of(pixel_format, rescale, _window(values[0]))


def first_window(header: SliceHeader) -> tuple[float | None, float | None]:
    """Return center and width of the first window of a slice, None where it has none."""
    return _window(header_values(header))


def _window(values: dict[int, bytes]) -> tuple[float | None, float | None]:
    texts = (values.get(tag, b"").decode("latin-1").strip(" \0") for tag in (_CENTER, _WIDTH))
    center, width = (numbers(text) for text in texts)
    return (center[0], width[0]) if center and width else (None, None)


def guessed_codec(places: Places, found: FoundFrames, headers: Headers) -> str:
    """Return the codec of the frames, empty where it is not one of this package's own."""
    data = places.proven(KEPT_ENCODING)
    if data is not None:
        if headers.state != "original" or not headers.instances:
            return ""  # only an original header says how its source was compressed
        try:
            kept = parse_kept(data, len(headers.instances), places.name)
        except DicomCubeError:
            return ""
        photometric = kept[0].photometric.decode("latin-1").strip(" \0")
        values = header_values(headers.instances[0])
        decoded = values.get(0x00280004, b"").decode("latin-1").strip(" \0")
        name = f"{ENCAPSULATED}{headers.instances[0].source_syntax}"
        return name if photometric == decoded else f"{name}:{photometric}"
    place = next((one for one in found.places if one is not None), None)
    start = b"" if place is None else places.read(place)[:4]
    return {b"\xff\x4f\xff\x51": "htj2k", b"DPCO": "pcodec"}.get(start, "")
