"""Slice attributes and geometry out of merged metadata (the `DicomMeta` interface)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, cast

from dicube_core.exceptions import MetaDataError
from dicube_core.spatial.findings import assess
from dicube_core.spatial.planes import SLICE_FIELDS, SliceAttributes, parse_field

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydicom.tag import BaseTag

    from dicube_core.geometry import AxisOrder, Geometry

__all__ = ["MetaLike", "get_space_from_DicomMeta", "slices_from_meta"]


class MetaLike(Protocol):
    """The part of `DicomMeta` that is used here; that of dicube 0.3.0 has it, too."""

    @property
    def slice_count(self) -> int:
        """Number of slices."""

    def is_shared(self, tag_input: BaseTag, /) -> bool:
        """Return whether all slices have one value."""

    def get_values(self, tag_input: BaseTag, /) -> Sequence[object]:
        """Return the value of each slice, None where there is none."""


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
    return [
        SliceAttributes(**cast("dict[str, None]", own), problems=tuple(sorted(found)))
        for own, found in zip(fields, problems, strict=True)
    ]


def _column(meta: MetaLike, number: int, keyword: str) -> list[tuple[object, str | None]]:
    """Return the parsed value of one tag and what is wrong with it, for each slice."""
    from pydicom.tag import Tag

    tag, count = Tag(number), meta.slice_count
    values = meta.get_values(tag)
    if len(values) != count:
        raise MetaDataError(f"{keyword} has {len(values)} values in the metadata of {count} slices")
    shared = count > 0 and meta.is_shared(tag)
    parsed = [
        parse_field(number, None if value in ("None", ["None"]) else value)
        for value in (values[:1] if shared else values)
    ]
    return parsed * count if shared else parsed


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
