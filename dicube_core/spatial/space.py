"""Slice attributes and geometry out of merged metadata (the `DicomMeta` interface)."""

from __future__ import annotations

from base64 import b64decode
from typing import TYPE_CHECKING, Protocol, cast

from dicube_core.exceptions import MetaDataError
from dicube_core.spatial.findings import assess
from dicube_core.spatial.marks import ALWAYS_KEPT, MARK_TAGS
from dicube_core.spatial.planes import SLICE_FIELDS, SliceAttributes, parse_field

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydicom.tag import BaseTag

    from dicube_core.geometry import AxisOrder, Geometry

__all__ = ["MetaLike", "get_space_from_DicomMeta", "slices_from_meta"]


#: What dicube 0.3.0 writes for a tag that a slice lacks.
_ABSENT = ("None", ["None"])
#: VRs whose values are base64 text in the JSON model (PS3.18 F.2.2).
_BINARY = ("UN", "OB", "OW", "OF", "OD", "OL", "OV")


class MetaLike(Protocol):
    """The part of `DicomMeta` that is used here; that of dicube 0.3.0 has it, too."""

    @property
    def slice_count(self) -> int:
        """Number of slices."""

    def is_shared(self, tag_input: BaseTag, /) -> bool:
        """Return whether all slices have one value."""

    def get_values(self, tag_input: BaseTag, /) -> Sequence[object]:
        """Return the value of each slice, None where there is none."""

    def get_vr(self, tag_input: BaseTag, /) -> str:
        """Return the VR."""


def slices_from_meta(meta: MetaLike) -> list[SliceAttributes]:
    """Return the attributes of each slice, in the order of `meta`.

    The text ``"None"``, which dicube 0.3.0 writes for a tag that a slice lacks, is absence.

    Raises
    ------
    MetaDataError
        A tag has not one value per slice.
    """
    count = meta.slice_count
    fields: list[dict[str, object]] = [{} for _ in range(count)]
    problems: list[list[str]] = [[] for _ in range(count)]
    for number, spec in SLICE_FIELDS.items():
        parsed = _column(meta, number, spec.keyword)
        for own_fields, own_problems, (value, problem) in zip(
            fields, problems, parsed, strict=True
        ):
            own_fields[spec.name] = value
            if problem:
                own_problems.append(problem)
    marks = _marks(meta)
    return [
        SliceAttributes(
            **cast("dict[str, None]", own), problems=tuple(sorted(found)), marks=own_marks
        )
        for own, found, own_marks in zip(fields, problems, marks, strict=True)
    ]


def _marks(meta: MetaLike) -> list[dict[int, object]]:
    """Return what may tell slices apart, for each slice; what all share is left out."""
    from pydicom.tag import Tag

    result: list[dict[int, object]] = [{} for _ in range(meta.slice_count)]
    for number in sorted(MARK_TAGS):
        tag = Tag(number)
        if number not in ALWAYS_KEPT and meta.is_shared(tag):
            continue
        values = _checked_values(meta, number, f"({tag.group:04X},{tag.element:04X})")
        is_binary = any(value is not None for value in values) and meta.get_vr(tag) in _BINARY
        for own, value in zip(result, values, strict=True):
            if value is not None and value not in _ABSENT:
                own[number] = _decoded(value) if is_binary else value
    return result


def _decoded(value: object) -> object:
    """Return the bytes of a value that the JSON model holds as base64 text."""
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    try:
        return b64decode(value, validate=True) if isinstance(value, str) else value
    except ValueError:
        return value


def _column(meta: MetaLike, number: int, keyword: str) -> list[tuple[object, str | None]]:
    """Return the parsed value of one tag and what is wrong with it, for each slice."""
    from pydicom.tag import Tag

    tag, count = Tag(number), meta.slice_count
    values = _checked_values(meta, number, keyword)
    shared = count > 0 and meta.is_shared(tag)
    parsed = [
        parse_field(number, None if value in _ABSENT else value)
        for value in (values[:1] if shared else values)
    ]
    return parsed * count if shared else parsed


def _checked_values(meta: MetaLike, number: int, keyword: str) -> Sequence[object]:
    from pydicom.tag import Tag

    values, count = meta.get_values(Tag(number)), meta.slice_count
    if len(values) != count:
        raise MetaDataError(f"{keyword} has {len(values)} values in the metadata of {count} slices")
    return values


def get_space_from_DicomMeta(  # noqa: N802 - the documented name of the API stood in for
    meta: MetaLike, axis_order: AxisOrder = "xyz"
) -> Geometry | None:
    """Return the geometry of a series from its metadata, or None if it has no true one.

    Parameters
    ----------
    meta : MetaLike
        Such as `DicomMeta`, its slices in the order of the frames.
    axis_order : {'xyz', 'zyx'}, optional
        'zyx' for the order of arrays (frames, rows, columns), as images have it; 'xyz' for
        (columns, rows, frames).

    Raises
    ------
    MetaDataError
        A tag has not one value per slice.
    ValueError
        `axis_order` is neither 'xyz' nor 'zyx'.

    Notes
    -----
    Where dicube 0.3.0 has a true geometry, this is the same. It differs on purpose: a single
    slice takes its spacing from SpacingBetweenSlices and has none otherwise (0.3.0 takes
    SliceThickness, or 1); uneven or tilted slices, or slices that are not in spatial order, have
    none (0.3.0 spreads them evenly, or raises); flaws that leave positions true, such as gaps in
    InstanceNumber or differing bit depth, do not withhold it.
    """
    if axis_order not in ("xyz", "zyx"):
        raise ValueError(f"axis order must be 'xyz' or 'zyx', not {axis_order!r}")
    geometry = assess(slices_from_meta(meta)).geometry
    return geometry.in_axis_order(axis_order) if geometry else None
