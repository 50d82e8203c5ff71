"""Findings about where slices lie, from ImagePositionPatient alone, and the grid they form.

Positions are looked at in the frame of the slices: along the rows, along the columns and along
the normal (row direction x column direction). SliceThickness and SliceLocation play no part.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import atan, degrees, hypot
from typing import TYPE_CHECKING

from dicube_core.spatial.finding_kinds import Finding, FindingKind
from dicube_core.spatial.header_checks import listed

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import numpy.typing as npt

    from dicube_core.geometry import Vector
    from dicube_core.spatial.planes import Orientation

    Floats = npt.NDArray[np.float64]
    Integers = npt.NDArray[np.intp]

__all__ = ["MAX_COORDINATE", "check_places", "place_tolerance", "touching_distance"]

#: Nothing in a scanner lies 1000 km away from its centre; beyond, sums would lose the digits.
MAX_COORDINATE = 1e9
#: Two decimals of a mm, the shortest text in use, round by 0.005 mm; against the line through the
#: (equally rounded) first and last slice, a place can then be off by twice that.
_TEXT_ROUNDING = 0.0101
#: Slope of in-plane shift against distance (0.06 degrees) that counts as tilt.
_TILT = 1e-3


def place_tolerance(step: float) -> float:
    """Return by how many mm a slice may miss its place on a regular grid with this `step`.

    The rounding of positions written with two decimals, but at most 2 % of the step (so that a
    grid of micrometres is held to its own scale) and at least 0.1 % of it.
    """
    return max(1e-3 * step, min(_TEXT_ROUNDING, 0.02 * step))


def touching_distance(pixel_spacing: tuple[float, float] | None) -> float:
    """Return by how many mm two slices at the same place may lie apart."""
    # A hundredth of a pixel: no scanner spaces slices so closely, no text rounds so coarsely.
    return min(0.01, 0.01 * min(pixel_spacing)) if pixel_spacing else 1e-3


@dataclass(frozen=True, slots=True)
class _Stack:
    """Slices sorted along the normal; all arrays are in that order, all lengths mm."""

    slices: list[int]  # where each one stands in the order assessed
    shift: Floats  # (n, 2): along rows and columns, from the first slice
    height: Floats  # (n,): along the normal
    points: Floats  # (n, 3): in the patient, LPS
    touching: float  # two slices closer than this lie at the same place


def check_places(
    slices: Sequence[int],
    positions: Sequence[Vector],
    orientation: Orientation,
    numbers: Sequence[int | None],
    pixel_spacing: tuple[float, float] | None,
) -> list[Finding]:
    """Return all findings about the places of slices that share one orientation.

    Parameters
    ----------
    slices : sequence of int
        What to call the slices in findings, ascending: their places in the order assessed.
    positions : sequence of tuple of float
        ImagePositionPatient of each, in mm, within `MAX_COORDINATE`.
    orientation : tuple of float
        ImageOrientationPatient of all, orthonormal.
    numbers : sequence of int or None
        InstanceNumber of each.
    pixel_spacing : tuple of float, optional
        mm between rows and columns: the scale of the images.
    """
    import numpy as np

    if len(slices) < 2:
        return []
    row, column = np.array(orientation[:3]), np.array(orientation[3:])
    frame = np.stack((row, column, np.cross(row, column)), axis=1)
    points = np.array(positions)
    local = (points - points[0]) @ frame
    along = local[:, 2]
    order = np.argsort(along, kind="stable")
    touching = touching_distance(pixel_spacing)
    stack = _Stack(
        [slices[i] for i in order], local[order, :2], along[order], points[order], touching
    )
    findings = _check_runs(slices, along, numbers, touching)
    findings += _check_steps(stack)
    findings += _check_shift(stack)
    return findings


def _turns(along: Floats, touching: float) -> list[int]:
    """Return the indices of the places where a walk through the slices turns round."""
    import numpy as np

    steps = np.diff(along)
    moves = np.flatnonzero(np.abs(steps) > touching)
    signs = np.sign(steps[moves])
    turned: list[int] = moves[1:][signs[1:] != signs[:-1]].tolist()
    return turned


def _check_runs(
    slices: Sequence[int], along: Floats, numbers: Sequence[int | None], touching: float
) -> list[Finding]:
    """Return findings about walking through the slices, as they are kept and by number."""
    import numpy as np

    findings = []
    turns = _turns(along, touching)
    if turns:
        where = tuple(slices[i] for i in turns)
        message = (
            f"the slices are not kept in spatial order: their direction turns {len(turns)} "
            f"time(s), at {listed(where)}; sort them by position to get a volume"
        )
        findings.append(Finding(FindingKind.NOT_IN_SPATIAL_ORDER, message, where))
    if None in numbers or len(set(numbers)) < len(numbers):
        return findings
    known = [number for number in numbers if number is not None]
    by_number = sorted(range(len(slices)), key=known.__getitem__)
    walk = along[by_number]
    turns = _turns(walk, touching)
    if turns:
        where = tuple(sorted(slices[by_number[i]] for i in turns))
        message = (
            f"going by InstanceNumber, the slices run back and forth in space: the direction "
            f"turns {len(turns)} time(s), at {listed(where)}; perhaps several passes, phases or "
            f"echoes in one series"
        )
        findings.append(Finding(FindingKind.REVERSED_LOCATION, message, where))
    still = np.flatnonzero(np.abs(np.diff(walk)) <= touching)
    if still.size:
        where = tuple(sorted({slices[by_number[i + k]] for i in still.tolist() for k in (0, 1)}))
        message = (
            f"going by InstanceNumber, the position stands still {still.size} time(s), "
            f"at {listed(where)}"
        )
        findings.append(Finding(FindingKind.DWELLING_LOCATION, message, where))
    return findings


def _check_steps(stack: _Stack) -> list[Finding]:
    """Return findings about the distances between neighbours along the normal."""
    import numpy as np

    steps = np.diff(stack.height)
    apart = steps[steps > stack.touching]
    findings = _duplicates(stack, steps)
    if not apart.size:
        return findings
    # The lower median: the usual step even where half of the steps are gaps.
    usual = float(np.sort(apart)[(apart.size - 1) // 2])
    gaps = np.flatnonzero(steps > 1.5 * usual)
    close = np.flatnonzero((steps < 0.5 * usual) & (steps > stack.touching))
    if gaps.size:
        findings.append(_gap_finding(stack, steps, gaps, usual))
    if close.size:
        where = _neighbours(stack, close)
        message = (
            f"{close.size} pair(s) of slices lie closer than half the usual {usual:.6g} mm, the "
            f"closest {steps[close].min():.6g} mm apart: {listed(where)}"
        )
        findings.append(Finding(FindingKind.CROWDED_LOCATION, message, where))
    broken = bool(gaps.size or close.size or apart.size < steps.size)
    return findings + _uneven(stack, steps, usual, broken=broken)


def _neighbours(stack: _Stack, steps: Integers) -> tuple[int, ...]:
    """Return the slices on both sides of the given steps."""
    return tuple(sorted({stack.slices[i + k] for i in steps.tolist() for k in (0, 1)}))


def _duplicates(stack: _Stack, steps: Floats) -> list[Finding]:
    import numpy as np

    same = np.flatnonzero(steps <= stack.touching)
    if not same.size:
        return []
    where = _neighbours(stack, same)
    places = len(stack.slices) - same.size
    message = (
        f"{len(where)} slices share their position along the normal with another one "
        f"({len(stack.slices)} slices at {places} position(s)): {_runs(stack, same.tolist())}"
    )
    return [Finding(FindingKind.DUPLICATE_POSITION, message, where)]


def _runs(stack: _Stack, same: list[int]) -> str:
    """Return the slices at each place as words; `same` are steps that lead nowhere."""
    runs: list[list[int]] = []
    for step in same:
        if runs and runs[-1][-1] == step:
            runs[-1].append(step + 1)
        else:
            runs.append([step, step + 1])
    texts = [listed(sorted(stack.slices[i] for i in run)) for run in runs[:4]]
    more = f" and so on at {len(runs) - 4} more positions" if len(runs) > 4 else ""
    return " / ".join(texts) + more


def _gap_finding(stack: _Stack, steps: Floats, gaps: Integers, usual: float) -> Finding:
    missing = [max(1, round(float(step) / usual) - 1) for step in steps[gaps]]
    words = []
    places = [
        place
        for gap, count in zip(gaps.tolist(), missing, strict=True)
        for place in _between(stack, gap, count)
    ]
    for gap, count in list(zip(gaps.tolist(), missing, strict=True))[:8]:
        first, second = sorted((stack.slices[gap], stack.slices[gap + 1]))
        words.append(f"{count} after slice {first} (before slice {second}, {steps[gap]:.6g} mm)")
    more = f" and {gaps.size - 8} more gaps" if gaps.size > 8 else ""
    message = (
        f"about {sum(missing)} slice(s) missing where the usual step is {usual:.6g} mm: "
        f"{', '.join(words)}{more}; the first one missing would lie at {_point(places[0])} mm"
    )
    return Finding(FindingKind.GAP_LOCATION, message, _neighbours(stack, gaps), tuple(places))


def _between(stack: _Stack, gap: int, count: int) -> list[Vector]:
    """Return the positions of `count` slices that would fill a gap evenly, at most a thousand."""
    first, last = stack.points[gap], stack.points[gap + 1]
    result = []
    for number in range(1, min(count, 1000) + 1):
        x, y, z = (first + (last - first) * (number / (count + 1))).tolist()
        result.append((x, y, z))
    return result


def _point(position: Vector) -> str:
    return f"({', '.join(f'{value + 0.0:.6g}' for value in position)})"


def _uneven(stack: _Stack, steps: Floats, usual: float, *, broken: bool) -> list[Finding]:
    """Return the finding that steps differ, apart from the grossly wrong ones."""
    import numpy as np

    tolerance = place_tolerance(usual)
    ordinary = (steps >= 0.5 * usual) & (steps <= 1.5 * usual)
    off_step = ordinary & (np.abs(steps - usual) > 2 * tolerance)
    off_place = np.zeros(0)
    if not broken:
        grid = np.linspace(stack.height[0], stack.height[-1], len(stack.slices))
        off_place = np.abs(stack.height - grid)
    if not off_step.any() and not (off_place > tolerance).any():
        return []
    if off_step.any():
        where = _neighbours(stack, np.flatnonzero(off_step))
    else:
        # Steps that creep: each looks right, yet the slices leave the grid together.
        where = tuple(sorted(stack.slices[i] for i in np.flatnonzero(off_place > tolerance)))
    kept = steps[ordinary]
    worst = max(float(np.abs(kept - usual).max()), float(off_place.max(initial=0.0)))
    message = (
        f"slices are unevenly spaced: steps of {kept.min():.6g} to {kept.max():.6g} mm, "
        f"off by up to {worst:.6g} mm ({tolerance:.3g} mm tolerated), at {listed(where)}"
    )
    return [Finding(FindingKind.UNEVEN_SPACING, message, where)]


def _check_shift(stack: _Stack) -> list[Finding]:
    """Return findings about slices that are shifted in their own plane."""
    import numpy as np

    span = float(stack.height[-1] - stack.height[0])
    if span <= stack.touching:
        return _drift(stack, stack.shift - stack.shift[0], stack.touching)
    tolerance = place_tolerance(span / (len(stack.slices) - 1))
    rise = (stack.height - stack.height[0])[:, None]
    slope = (stack.shift[-1] - stack.shift[0]) / span
    rest = stack.shift - stack.shift[0] - rise * slope
    drift = _drift(stack, rest, tolerance)
    if drift:
        # The first or last slice may be the one that is off: ask the majority.
        slope = _robust_slope(stack)
        rest = stack.shift - rise * slope
        drift = _drift(stack, rest - np.median(rest, axis=0), tolerance) or drift
    steepness = hypot(*slope.tolist())
    # What rounding can shift is no tilt, unless that is a visible slope over this span.
    if steepness * span > max(_TILT * span, min(tolerance, 9e-3 * span)):
        angle = degrees(atan(steepness))
        message = (
            f"the stack is sheared by {angle:.3f} degrees (gantry tilt): each step goes along "
            f"the slice normal and in the plane, {steepness * span:.6g} mm in all"
        )
        tilt = Finding(FindingKind.GANTRY_TILT, message, tuple(sorted(stack.slices)))
        return [tilt, *drift]
    return drift


def _robust_slope(stack: _Stack) -> Floats:
    """Return the in-plane shift per mm of height that most slices agree on, one per direction."""
    import numpy as np

    half = len(stack.slices) // 2
    rises = stack.height[half:] - stack.height[: len(stack.slices) - half]
    shifts = stack.shift[half:] - stack.shift[: len(stack.slices) - half]
    long = rises > stack.touching
    if not long.any():
        return np.zeros(2)
    slope: Floats = np.median(shifts[long] / rises[long][:, None], axis=0)
    return slope


def _drift(stack: _Stack, rest: Floats, tolerance: float) -> list[Finding]:
    """Return the finding that slices left the line of the others, in their plane."""
    import numpy as np

    distances = np.hypot(rest[:, 0], rest[:, 1])
    worst = float(distances.max())
    if worst <= tolerance:
        return []
    where = tuple(sorted(stack.slices[i] for i in np.flatnonzero(distances > tolerance)))
    message = f"slices are shifted in their plane by up to {worst:.6g} mm: {listed(where)}"
    return [Finding(FindingKind.IN_PLANE_DRIFT, message, where)]
