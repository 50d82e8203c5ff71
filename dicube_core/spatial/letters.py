"""Directions in the patient as letters, and the voxel axis that is closest to each of them.

R, L, A, P, H, F: to the right, left, front, back, head and feet of the patient (PS3.3
C.7.6.1.1.1). All vectors are LPS.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import permutations
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dicube_core.geometry import Geometry, Vector

__all__ = ["PatientAxis", "closest_axes", "direction_letters", "opposite", "reversed_direction"]

#: For each coordinate: towards more of it, and towards less.
_LETTERS = (("L", "R"), ("P", "A"), ("H", "F"))
_OPPOSITE = {a: b for pair in _LETTERS for a, b in (pair, pair[::-1])}
#: The sine of 10 degrees: what is closer to a patient axis has one letter.
_NOTED = 0.1737


@dataclass(frozen=True, slots=True)
class PatientAxis:
    """The array axis that runs along one axis of the patient.

    Parameters
    ----------
    array_axis : int
        0 to 2: frames, rows, columns.
    ascending : bool
        Whether the index grows towards left, back or head.
    degrees : float
        Angle between the two.
    """

    array_axis: int
    ascending: bool
    degrees: float


def direction_letters(direction: Sequence[float]) -> str:
    """Return the letters of a direction, that of the largest part first.

    A part below a sixth of the whole (10 degrees) is left out.
    """
    length = math.sqrt(sum(part * part for part in direction)) or 1.0
    parts = [(abs(part) / length, _LETTERS[i][part < 0]) for i, part in enumerate(direction)]
    # Stable: of parts that are equal, the first coordinate comes first.
    parts.sort(key=lambda one: -round(one[0], 6))
    return parts[0][1] + "".join(letter for size, letter in parts[1:] if size >= _NOTED)


def opposite(letters: str) -> str:
    """Return the letters of the opposite direction."""
    return "".join(_OPPOSITE[letter] for letter in letters)


def reversed_direction(direction: Vector) -> Vector:
    """Return the opposite direction."""
    x, y, z = direction
    return 0.0 - x, 0.0 - y, 0.0 - z


def closest_axes(geometry: Geometry) -> tuple[PatientAxis, PatientAxis, PatientAxis]:
    """Return which array axis runs along left-right, front-back and head-feet.

    Every array axis is taken once, so that all three together are as close as can be.
    """
    axes = geometry.axes
    best = max(
        permutations(range(3)),
        key=lambda order: round(sum(abs(axes[a][i]) for i, a in enumerate(order)), 9),
    )
    x, y, z = (
        PatientAxis(a, axes[a][i] >= 0, math.degrees(math.acos(min(1.0, abs(axes[a][i])))))
        for i, a in enumerate(best)
    )
    return x, y, z
