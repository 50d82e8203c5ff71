"""Findings that need no arithmetic in space: what is missing, differs, or is counted wrongly."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import replace
from itertools import pairwise
from math import hypot
from typing import TYPE_CHECKING, TypeVar

from dicube_core.spatial.finding_kinds import Finding, FindingKind
from dicube_core.spatial.marks import IMAGE_TYPE, column
from dicube_core.spatial.planes import ORIENTATION_TOLERANCE

if TYPE_CHECKING:
    from dicube_core.spatial.planes import Orientation, SliceAttributes

__all__ = ["check_headers", "common_value", "is_orthonormal", "listed", "near"]

#: Row and column direction of a slice may be off unit length and off a right angle by this much
#: (0.06 degrees): cosines written with three decimals.
ORTHONORMAL_TOLERANCE = 1e-3
_Value = TypeVar("_Value", bound=Hashable)
_Numbers = Sequence[float]


def listed(slices: Iterable[int], most: int = 8) -> str:
    """Return slice numbers as words, such as ``'slices 3, 4 and 12 more'``."""
    numbers = list(slices)
    text = ", ".join(map(str, numbers[:most]))
    more = f" and {len(numbers) - most} more" if len(numbers) > most else ""
    return f"slice{'s' if len(numbers) > 1 else ''} {text}{more}"


def common_value(values: Iterable[_Value | None]) -> _Value | None:
    """Return the most frequent value that is not None; the first one among equals."""
    counts = Counter(values)
    counts.pop(None, None)
    return max(counts, key=counts.__getitem__) if counts else None


def near(first: _Numbers, second: _Numbers, tolerance: float) -> bool:
    """Return whether all components agree within `tolerance` (never for NaN)."""
    return all(abs(a - b) <= tolerance for a, b in zip(first, second, strict=True))


def is_orthonormal(orientation: Orientation) -> bool:
    """Return whether the two directions are unit vectors at a right angle, as far as text tells."""
    row, column = orientation[:3], orientation[3:]
    cosine = sum(a * b for a, b in zip(row, column, strict=True))
    errors = (hypot(*row) - 1, hypot(*column) - 1, cosine)
    return all(abs(error) <= ORTHONORMAL_TOLERANCE for error in errors)


def check_headers(slices: Sequence[SliceAttributes]) -> list[Finding]:
    """Return all findings about identity, size, type, spacing and orientation of the slices."""
    kind = FindingKind
    findings = _unreadable(slices)
    findings += _check_same(
        "SeriesInstanceUID",
        [one.series_uid for one in slices],
        kind.MISSING_SERIES_UID,
        kind.NON_UNIFORM_SERIES_UID,
    )
    findings += _check_numbers([one.instance_number for one in slices])
    formats: list[tuple[int | None, ...]] = [
        (one.bits_allocated, one.bits_stored, one.high_bit, one.pixel_representation)
        for one in slices
    ]
    if all(found[0] in (32, 64) and found[1:] == (None,) * 3 for found in formats):
        # Real values have no other field (PS3.3 C.7.6.24); integers without are refused.
        formats = [found[:1] for found in formats]
    findings += _check_same(
        "BitsAllocated, BitsStored, HighBit or PixelRepresentation",
        [None if None in one else one for one in formats],
        kind.MISSING_PIXEL_FORMAT,
        kind.NON_UNIFORM_PIXEL_FORMAT,
    )
    findings += _check_spacing([one.pixel_spacing for one in slices])
    shapes = [(one.rows, one.columns) for one in slices]
    findings += _check_same(
        "Rows or Columns",
        [None if None in one else one for one in shapes],
        kind.MISSING_SHAPE,
        kind.NON_UNIFORM_SHAPE,
    )
    findings += _check_orientation([one.orientation for one in slices])
    findings += _check_rescale(slices)
    findings += _check_localizers(slices)
    return findings


def _unreadable(slices: Sequence[SliceAttributes]) -> list[Finding]:
    places: dict[str, list[int]] = {}
    for index, one in enumerate(slices):
        for problem in one.problems:
            places.setdefault(problem, []).append(index)
    return [
        Finding(FindingKind.UNREADABLE_VALUE, f"{problem} ({listed(where)})", tuple(where))
        for problem, where in places.items()
    ]


def _check_same(
    name: str,
    values: Sequence[_Value | None],
    missing_kind: FindingKind,
    differing_kind: FindingKind,
    same: Callable[[_Value, _Value], bool] | None = None,
) -> list[Finding]:
    """Return findings where a value is missing, or is not the one most slices have."""
    findings = []
    distinct = set(values)
    if None in distinct:
        where = tuple(index for index, value in enumerate(values) if value is None)
        extent = "all slices" if len(where) == len(values) else listed(where)
        findings.append(Finding(missing_kind, f"{name} is missing in {extent}", where))
    usual = common_value(values)
    if usual is not None and len(distinct - {None}) > 1:
        odd = {
            value: same is None or not same(usual, value)
            for value in distinct
            if value is not None and value != usual
        }
        where = tuple(i for i, value in enumerate(values) if value is not None and odd.get(value))
        if where:
            others = common_value(values[index] for index in where)
            message = (
                f"{name} differs between slices: {_text(usual)} in {len(values) - len(where)} of "
                f"{len(values)}, another value such as {_text(others)} in {listed(where)}"
            )
            findings.append(Finding(differing_kind, message, where))
    return findings


def _text(value: object) -> str:
    if isinstance(value, tuple):
        return f"({', '.join(map(_text, value))})"
    if value is None:
        return "absent"
    return f"{value:.10g}" if isinstance(value, float) else str(value)


def _check_numbers(numbers: Sequence[int | None]) -> list[Finding]:
    """Return findings about InstanceNumber: missing, more than once, not consecutive."""
    findings = _check_same(
        "InstanceNumber",
        [None if number is None else "" for number in numbers],
        FindingKind.MISSING_INSTANCE_NUMBER,
        FindingKind.MISSING_INSTANCE_NUMBER,
    )
    places: dict[int, list[int]] = {}
    for index, number in enumerate(numbers):
        if number is not None:
            places.setdefault(number, []).append(index)
    known = sorted(places)
    repeated = [number for number in known if len(places[number]) > 1]
    if repeated:
        where = sorted(index for number in repeated for index in places[number])
        message = (
            f"{len(repeated)} InstanceNumber(s) are used more than once, such as {repeated[0]} "
            f"in {listed(places[repeated[0]])}"
        )
        findings.append(Finding(FindingKind.DUPLICATE_INSTANCE_NUMBER, message, tuple(where)))
    jumps = [pair for pair in pairwise(known) if pair[1] - pair[0] > 1]
    if jumps:
        where = sorted({index for pair in jumps for number in pair for index in places[number]})
        absent = sum(after - before - 1 for before, after in jumps)
        first = f"from {jumps[0][0]} to {jumps[0][1]}"
        message = f"InstanceNumber jumps {len(jumps)} time(s), first {first}: {absent} not there"
        findings.append(Finding(FindingKind.GAP_INSTANCE_NUMBER, message, tuple(where)))
    return findings


def _check_spacing(values: Sequence[tuple[float, float] | None]) -> list[Finding]:
    findings = _check_same(
        "PixelSpacing",
        values,
        FindingKind.MISSING_PIXEL_SPACING,
        FindingKind.NON_UNIFORM_PIXEL_SPACING,
        lambda a, b: near(a, b, ORIENTATION_TOLERANCE * min(map(abs, a))),
    )
    bad = {value for value in set(values) if value is not None and not min(value) > 0}
    if bad:
        where = tuple(index for index, value in enumerate(values) if value in bad)
        message = f"PixelSpacing {_text(values[where[0]])} is not positive in {listed(where)}"
        findings.append(Finding(FindingKind.INVALID_PIXEL_SPACING, message, where))
    return findings


def _check_orientation(values: Sequence[Orientation | None]) -> list[Finding]:
    findings = _check_same(
        "ImageOrientationPatient",
        values,
        FindingKind.MISSING_ORIENTATION,
        FindingKind.NON_UNIFORM_ORIENTATION,
        lambda a, b: near(a, b, ORIENTATION_TOLERANCE),
    )
    findings = [
        replace(one, message=_orientations(values, one.slices))
        if one.kind is FindingKind.NON_UNIFORM_ORIENTATION
        else one
        for one in findings
    ]
    bad = {value for value in set(values) if value is not None and not is_orthonormal(value)}
    if bad:
        where = tuple(index for index, value in enumerate(values) if value in bad)
        message = (
            f"ImageOrientationPatient {_text(values[where[0]])} is not two unit vectors at a "
            f"right angle in {listed(where)}"
        )
        findings.append(Finding(FindingKind.NOT_ORTHONORMAL, message, where))
    return findings


def _check_rescale(slices: Sequence[SliceAttributes]) -> list[Finding]:
    values = [(one.rescale_slope, one.rescale_intercept) for one in slices]
    return _check_same(
        "RescaleSlope or RescaleIntercept",
        values,
        FindingKind.NON_UNIFORM_RESCALE,
        FindingKind.NON_UNIFORM_RESCALE,
    )


def _orientations(values: Sequence[Orientation | None], odd: Sequence[int]) -> str:
    """Return which orientations there are, and of how many slices each."""
    counts: list[tuple[Orientation, int]] = []
    for value, number in Counter(values).most_common():
        known = next(
            (
                i
                for i, (other, _) in enumerate(counts)
                if value is not None and near(other, value, ORIENTATION_TOLERANCE)
            ),
            None,
        )
        if value is not None and known is None:
            counts.append((value, number))
        elif known is not None:
            counts[known] = (counts[known][0], counts[known][1] + number)
    texts = [f"{number} {_plane(value)} {_text(value)}" for value, number in counts[:6]]
    more = f" and {len(counts) - 6} more orientations" if len(counts) > 6 else ""
    return (
        f"ImageOrientationPatient differs between slices: {', '.join(texts)}{more}; "
        f"other than the most frequent one: {listed(odd)}"
    )


def _plane(orientation: Orientation) -> str:
    """Return the usual name of a plane, for a reader only."""
    rx, ry, rz, cx, cy, cz = orientation
    normal = [abs(ry * cz - rz * cy), abs(rz * cx - rx * cz), abs(rx * cy - ry * cx)]
    name = ("sagittal", "coronal", "axial")[normal.index(max(normal))]
    return name if max(normal) > 0.999 else f"oblique, nearly {name}"


def _check_localizers(slices: Sequence[SliceAttributes]) -> list[Finding]:
    """Return the finding that some slices, not all, call themselves localizers (PS3.3 C.8.2.1)."""
    if not any(IMAGE_TYPE in one.marks for one in slices):
        return []
    types = column(slices, IMAGE_TYPE)
    where = tuple(
        index for index, one in enumerate(types) if "LOCALIZER" in str(one).split("\\")[2:3]
    )
    if not where or len(where) == len(slices):
        return []
    message = f"localizers (ImageType LOCALIZER) lie among the slices: {listed(where)}"
    return [Finding(FindingKind.LOCALIZER_AMONG_SLICES, message, where)]
