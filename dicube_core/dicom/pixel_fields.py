"""What a header says of its pixels: size, bit fields, slope and intercept."""

from __future__ import annotations

from dicube_core.exceptions import (
    DicomCubeError,
    MetaDataError,
    SeriesError,
    UnsupportedKindError,
)
from dicube_core.pixels import PixelFormat

__all__ = ["PIXEL_FIELDS", "numbers", "pixel_format_of", "rescale_of"]

#: The numbers that pixels cannot be read without.
PIXEL_FIELDS = {
    0x00280010: "Rows",
    0x00280011: "Columns",
    0x00280100: "BitsAllocated",
    0x00280101: "BitsStored",
    0x00280103: "PixelRepresentation",
}


def pixel_format_of(values: dict[int, bytes], name: str) -> PixelFormat:
    """Return the pixel description of one header.

    Parameters
    ----------
    values : dict
        Tag to raw little-endian value, as `scan` finds them.
    name : str
        Put in front of errors.

    Raises
    ------
    SeriesError
        An element that pixels cannot be read without is missing.
    UnsupportedKindError
        Bit fields that cannot be.
    """
    fields = [_word(values, tag) for tag in PIXEL_FIELDS]
    named = zip(PIXEL_FIELDS.values(), fields, strict=True)
    missing = [keyword for keyword, value in named if value is None]
    if missing:
        raise SeriesError(f"{name}: {', '.join(missing)} missing, so its pixels have no meaning")
    rows, columns, allocated, stored, sign = (value or 0 for value in fields)
    high = _word(values, 0x00280102)
    photometric = _text(values, 0x00280004)
    try:
        return PixelFormat(
            rows, columns, allocated, stored, sign, -1 if high is None else high, photometric
        )
    except DicomCubeError as exc:
        raise UnsupportedKindError(f"{name}: {exc.message}") from exc


def rescale_of(values: dict[int, bytes]) -> tuple[float, float]:
    """Return (slope, intercept); 1 and 0 where a header has none (PS3.3 C.11.1).

    Raises
    ------
    MetaDataError
        A value is there, but is not one finite number.
    """
    result = []
    for tag, keyword, neutral in (
        (0x00281053, "RescaleSlope", 1.0),
        (0x00281052, "RescaleIntercept", 0.0),
    ):
        text = _text(values, tag)
        parsed = numbers(text) if text else (neutral,)
        if parsed is None or len(parsed) != 1:
            raise MetaDataError(f"{keyword} {text!r} is not a number")
        result.append(parsed[0])
    return result[0], result[1]


def _word(values: dict[int, bytes], tag: int) -> int | None:
    value = values.get(tag, b"")
    return int.from_bytes(value, "little") if len(value) == 2 else None


def _text(values: dict[int, bytes], tag: int) -> str:
    return values.get(tag, b"").decode("latin-1").strip(" \0")


def numbers(text: str) -> tuple[float, ...] | None:
    """Parse a DS or IS value, None unless every part is a finite number."""
    try:
        values = tuple(float(part) for part in text.split("\\"))
    except ValueError:
        return None
    return values if all(abs(value) < float("inf") for value in values) else None
