"""What a header says of its pixels: size, bit fields, slope and intercept."""

from __future__ import annotations

from functools import lru_cache

from dicube_core.exceptions import (
    DicomCubeError,
    MetaDataError,
    SeriesError,
    UnsupportedKindError,
)
from dicube_core.pixels import PixelFormat

__all__ = [
    "FLOAT_PIXELS",
    "FLOAT_TAGS",
    "PIXEL_FIELDS",
    "described",
    "native_bits",
    "numbers",
    "pixel_format_of",
    "rescale_of",
]

#: Float and Double Float Pixel Data -> bits of a value (PS3.3 C.7.6.24, C.7.6.25). Among the
#: values that were read of a header, such a tag says that the instance has this element.
FLOAT_PIXELS = {0x7FE00008: 32, 0x7FE00009: 64}
FLOAT_TAGS = {bits: tag for tag, bits in FLOAT_PIXELS.items()}


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
    real = next((bits for tag, bits in FLOAT_PIXELS.items() if tag in values), 0)
    fields = [_word(values, tag) for tag in PIXEL_FIELDS]
    if real:  # these two have no meaning there
        fields[3:] = real, 0
    named = zip(PIXEL_FIELDS.values(), fields, strict=True)
    missing = [keyword for keyword, value in named if value is None]
    if missing:
        raise SeriesError(f"{name}: {', '.join(missing)} missing, so its pixels have no meaning")
    rows, columns, allocated, stored, sign = (value or 0 for value in fields)
    if real and allocated != real:
        raise SeriesError(f"{name}: BitsAllocated {allocated} with values of {real} bits")
    high = None if real else _word(values, 0x00280102)
    samples = _word(values, 0x00280002) or 1
    try:
        return PixelFormat(
            rows,
            columns,
            allocated,
            stored,
            sign,
            -1 if high is None else high,
            _text(values, 0x00280004),
            samples,
            (_word(values, 0x00280006) or 0) if samples > 1 else 0,
            bool(real),
        )
    except DicomCubeError as exc:
        raise UnsupportedKindError(f"{name}: {exc.message}") from exc


def native_bits(values: dict[int, bytes]) -> int:
    """Return the bits of one frame in uncompressed Pixel Data, 0 where the header does not say.

    As `PixelFormat.native_bits`, before it is known whether the kind can be kept at all.
    """
    rows, columns, bits = (_word(values, tag) or 0 for tag in (0x00280010, 0x00280011, 0x00280100))
    samples = _word(values, 0x00280002) or 1
    if samples == 3 and _text(values, 0x00280004) == "YBR_FULL_422":
        samples = 2
    return rows * columns * samples * bits


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


#: All that `pixel_format_of` and `rescale_of` look at.
_DESCRIBING = (
    *FLOAT_PIXELS,
    *PIXEL_FIELDS,
    *(0x00280002, 0x00280004, 0x00280006, 0x00280102, 0x00281052, 0x00281053),
)
#: Bytes of values that are remembered; those of a hostile header are not.
_REMEMBERED = 256


def described(values: dict[int, bytes], name: str) -> tuple[PixelFormat, tuple[float, float]]:
    """Return `pixel_format_of` and `rescale_of`; quick where many slices say the same.

    Raises
    ------
    DicomCubeError
        As these two.
    """
    said = tuple(map(values.get, _DESCRIBING))
    if sum(map(len, filter(None, said))) <= _REMEMBERED:
        try:
            return _described(said)
        except DicomCubeError:
            pass  # raised again below, with the name
    return pixel_format_of(values, name), rescale_of(values)


@lru_cache(maxsize=32)
def _described(said: tuple[bytes | None, ...]) -> tuple[PixelFormat, tuple[float, float]]:
    pairs = zip(_DESCRIBING, said, strict=True)
    values = {tag: value for tag, value in pairs if value is not None}
    return pixel_format_of(values, ""), rescale_of(values)


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
