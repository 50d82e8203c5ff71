"""What one slice says of its place, size and values: parsed tolerantly, nothing made up."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import lru_cache
from numbers import Integral, Real
from typing import TYPE_CHECKING, Literal, NamedTuple, cast

from dicube_core._geometry_checks import show
from dicube_core.spatial.marks import MARK_TAGS

if TYPE_CHECKING:
    from dicube_core.geometry import Vector

__all__ = [
    "ORIENTATION_TOLERANCE",
    "SLICE_FIELDS",
    "FieldSpec",
    "Orientation",
    "SliceAttributes",
    "parse_field",
]

#: Orientations that differ by less in each cosine are one: four decimals is the shortest text in
#: use, and moves a voxel 250 mm away from the first one by 0.025 mm.
ORIENTATION_TOLERANCE = 1e-4
Orientation = tuple[float, float, float, float, float, float]
_CACHED = (str, bytes, int)
_MAX_CACHED = 128
_MAX_TEXT = 64  # DS has 16 characters, IS 12, UI 64 (PS3.5 table 6.2-1)


class FieldSpec(NamedTuple):
    """How one attribute of a slice is read."""

    name: str  # field of SliceAttributes
    keyword: str  # DICOM keyword
    kind: Literal["text", "int", "float", "vector"]
    components: int = 1


#: Tag -> how it becomes a field of `SliceAttributes`. The one table of its kind.
SLICE_FIELDS: dict[int, FieldSpec] = {
    0x00080018: FieldSpec("sop_instance_uid", "SOPInstanceUID", "text"),
    0x00180050: FieldSpec("slice_thickness", "SliceThickness", "float"),
    0x00180088: FieldSpec("spacing_between_slices", "SpacingBetweenSlices", "float"),
    0x0020000E: FieldSpec("series_uid", "SeriesInstanceUID", "text"),
    0x00200013: FieldSpec("instance_number", "InstanceNumber", "int"),
    0x00200032: FieldSpec("position", "ImagePositionPatient", "vector", 3),
    0x00200037: FieldSpec("orientation", "ImageOrientationPatient", "vector", 6),
    0x00201041: FieldSpec("slice_location", "SliceLocation", "float"),
    0x00280010: FieldSpec("rows", "Rows", "int"),
    0x00280011: FieldSpec("columns", "Columns", "int"),
    0x00280030: FieldSpec("pixel_spacing", "PixelSpacing", "vector", 2),
    0x00280100: FieldSpec("bits_allocated", "BitsAllocated", "int"),
    0x00280101: FieldSpec("bits_stored", "BitsStored", "int"),
    0x00280102: FieldSpec("high_bit", "HighBit", "int"),
    0x00280103: FieldSpec("pixel_representation", "PixelRepresentation", "int"),
    0x00281052: FieldSpec("rescale_intercept", "RescaleIntercept", "float"),
    0x00281053: FieldSpec("rescale_slope", "RescaleSlope", "float"),
}


@dataclass(frozen=True, slots=True)
class SliceAttributes:
    """The attributes that ordering and geometry look at; None where there is no usable value.

    Parameters
    ----------
    position : tuple of float, optional
        ImagePositionPatient: centre of the first voxel, LPS mm.
    orientation : tuple of float, optional
        ImageOrientationPatient: direction of a row (columns grow), then of a column (rows grow).
    pixel_spacing : tuple of float, optional
        PixelSpacing: mm between rows, mm between columns.
    slice_location, slice_thickness, spacing_between_slices : float, optional
        mm. None of them ever becomes a distance of slices while positions say it.
    instance_number : int, optional
        InstanceNumber.
    series_uid, sop_instance_uid : str, optional
        SeriesInstanceUID and SOPInstanceUID.
    rows, columns, bits_allocated, bits_stored, high_bit, pixel_representation : int, optional
        As the DICOM attributes of the same names.
    rescale_slope, rescale_intercept : float, optional
        RescaleSlope and RescaleIntercept.
    problems : tuple of str, optional
        One sentence for each value that was there and could not be used.
    marks : mapping of tag number to value, optional
        What may tell this slice from others at the same place, as it is in the header; see
        `dicube_core.spatial.marks`. What all slices of a series share may be left out, but for
        `ALWAYS_KEPT`.
    """

    position: Vector | None = None
    orientation: Orientation | None = None
    pixel_spacing: tuple[float, float] | None = None
    slice_location: float | None = None
    instance_number: int | None = None
    series_uid: str | None = None
    rows: int | None = None
    columns: int | None = None
    bits_allocated: int | None = None
    bits_stored: int | None = None
    high_bit: int | None = None
    pixel_representation: int | None = None
    rescale_slope: float | None = None
    rescale_intercept: float | None = None
    slice_thickness: float | None = None
    spacing_between_slices: float | None = None
    sop_instance_uid: str | None = None
    problems: tuple[str, ...] = ()
    marks: Mapping[int, object] = field(default_factory=dict, hash=False)

    @classmethod
    def from_values(cls, values: Mapping[int, object]) -> SliceAttributes:
        """Parse the values of one data set; never raises for what they hold.

        Parameters
        ----------
        values : mapping of tag number to value
            The tags of `SLICE_FIELDS` and `MARK_TAGS` are looked at; others are ignored. A value
            may be text or bytes as in the file (backslash between components, padded), a number,
            a sequence of both, or None for absent.
        """
        fields: dict[str, object] = {}
        problems = []
        for tag in SLICE_FIELDS.keys() & values.keys():
            if _is_blank(values[tag]):
                continue  # an empty value says as much as none (PS3.5 7.4.2)
            parsed, problem = parse_field(tag, values[tag])
            fields[SLICE_FIELDS[tag].name] = parsed
            if problem:
                problems.append(problem)
        marks = {tag: values[tag] for tag in MARK_TAGS & values.keys()}
        # Sorted, so that equal values give equal objects whatever the order of the set.
        return cls(**fields, problems=tuple(sorted(problems)), marks=marks)  # type: ignore[arg-type]


def _is_blank(value: object) -> bool:
    return isinstance(value, (str, bytes)) and not value.strip()


def parse_field(tag: int, value: object) -> tuple[object, str | None]:
    """Return (the value for the field of `tag` or None, what is wrong with it or None)."""
    if value is None:
        return None, None
    if type(value) in _CACHED and (type(value) is int or len(cast("str", value)) <= _MAX_CACHED):
        return _parse_cached(tag, value)
    return _parse(tag, value)


def _parse(tag: int, value: object) -> tuple[object, str | None]:
    spec = SLICE_FIELDS[tag]
    components = _components(value)
    # An all-blank value is an empty one: PS3.5 6.2 lets padding stand for nothing else.
    if not components or all(item is None or item == "" for item in components):
        return None, f"{spec.keyword} is empty"
    if len(components) != spec.components:
        return None, (
            f"{spec.keyword} {show(value)} has {len(components)} components "
            f"where {spec.components} belong"
        )
    parsed: object
    if spec.kind == "text":
        parsed = components[0] if isinstance(components[0], str) else None
    elif spec.kind == "int":
        parsed = _integer(components[0])
    else:
        numbers = [_number(item) for item in components]
        whole = None if None in numbers else tuple(numbers)
        parsed = whole[0] if whole and spec.kind == "float" else whole
    if parsed is None:
        kind = {"text": "text", "int": "an integer"}.get(spec.kind, "numeric")
        return None, f"{spec.keyword} {show(value)} is not {kind}"
    return parsed, None


# Most values are the same in all slices. No bool or float gets here (see the check of the exact
# type above), for True and 1.0 are equal to 1, but do not parse as it does.
_parse_cached = lru_cache(maxsize=512)(_parse)


def _components(value: object) -> Sequence[object]:
    """Split a value into its components, text stripped of its padding."""
    if isinstance(value, (bytes, bytearray, memoryview)):
        value = bytes(value).decode("latin-1")
    if isinstance(value, str):
        return [part.strip(" \0") for part in value.split("\\")]
    if isinstance(value, (Real, Mapping)) or not isinstance(value, Iterable):
        return [value]
    return [item.strip(" \0") if isinstance(item, str) else item for item in value]


def _number(item: object) -> float | None:
    """Return a finite float, or None for what DICOM would not call a number."""
    if isinstance(item, str):
        # Python also reads "1_000" and the digits of other scripts.
        if len(item) > _MAX_TEXT or "_" in item or not item.isascii():
            return None
    elif isinstance(item, bool) or not isinstance(item, (Real, Decimal)):
        return None
    try:
        number = float(cast("float | str | Decimal", item))
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _integer(item: object) -> int | None:
    """Return an exact integer; "3.0" is one, "1.5" is not."""
    if isinstance(item, Integral) and not isinstance(item, bool):
        return int(item)
    if isinstance(item, str) and item.lstrip("+-").isdecimal():
        return int(item) if item.isascii() and len(item) <= _MAX_TEXT else None
    number = _number(item)
    return int(number) if number is not None and number.is_integer() else None
