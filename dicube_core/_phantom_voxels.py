"""Voxels of the phantom: a chest on a table in Hounsfield units, with the noise of a scanner.

Coordinates run from -1 to 1 over the field of view: x to the patient's left, y to the back. The
height t runs from 0 at the neck to 1 at the upper abdomen.
"""

from __future__ import annotations

from math import cos, pi, sin, sqrt
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    Plane = npt.NDArray[np.float32]

__all__ = ["INTERCEPT", "MAX_STORED", "stored_frames"]

#: ``HU = stored value + INTERCEPT``, as most scanners write it.
INTERCEPT = -1024
MAX_STORED = 4095

_AIR, _LUNG, _FAT, _MUSCLE, _LIVER = -1000.0, -860.0, -95.0, 52.0, 108.0
_BLOOD, _MARROW, _BONE, _DISC = 215.0, 190.0, 620.0, 95.0
#: Share of a slice's noise that its neighbour has too (the slices overlap a little).
_SHARED_NOISE = 0.35


def stored_frames(n_frames: int, size: int, seed: int) -> Iterator[npt.NDArray[np.uint16]]:
    """Yield frames of shape (size, size), 12-bit values, from the neck down."""
    rng = np.random.default_rng(seed)
    vessels = _vessels(rng)
    grid = _coordinates(size)
    before = _noise(rng, size)
    for index in range(n_frames):
        height = 0.12 + 0.76 * (index + 0.5) / n_frames
        plane = _anatomy(height, size, vessels)
        fresh = _noise(rng, size)
        plane += _noise_level(grid) * (fresh + _SHARED_NOISE * before)
        before = fresh
        stored = np.rint(np.clip(plane - INTERCEPT, 0, MAX_STORED)).astype(np.uint16)
        stored[grid[0] ** 2 + grid[1] ** 2 > 1.0] = 0  # outside of the reconstruction circle
        yield stored


def _coordinates(size: int) -> tuple[Plane, Plane]:
    axis = (np.arange(size, dtype=np.float32) + 0.5) / (size / 2) - 1
    return axis[np.newaxis, :], axis[:, np.newaxis]


def _noise(rng: np.random.Generator, size: int) -> Plane:
    """Return noise of unit variance with the spectrum of filtered back projection."""
    white = np.fft.rfft2(rng.standard_normal((size, size)))
    y, x = np.fft.fftfreq(size)[:, np.newaxis], np.fft.rfftfreq(size)[np.newaxis, :]
    frequency = np.hypot(x, y)
    noise = np.fft.irfft2(
        white * np.sqrt(frequency) * np.exp(-((frequency / 0.3) ** 2)), (size,) * 2
    )
    return (noise / max(float(noise.std()), 1e-9)).astype(np.float32)


def _noise_level(grid: tuple[Plane, Plane]) -> Plane:
    """Return the noise in HU: most where the rays have crossed most tissue."""
    x, y = grid
    level: Plane = np.float32(6) + np.float32(13) * np.exp(-(x**2) / 0.5 - y**2 / 0.3)
    return level


def _vessels(rng: np.random.Generator) -> list[tuple[float, float, float, float, float]]:
    """Return (x, y, drift of x, drift of y, radius) of vessels that run through the lungs."""
    result = []
    for _ in range(64):
        side = rng.choice((-1.0, 1.0))
        angle, distance = rng.uniform(0, 2 * pi), 0.8 * sqrt(rng.uniform())
        x, y = side * 0.36 + 0.25 * distance * cos(angle), 0.38 * distance * sin(angle)
        radius = 0.005 + 0.02 * rng.uniform() ** 3
        result.append((x, y, rng.normal(0, 0.15), rng.normal(0, 0.15), radius))
    return result


def _paint(plane: Plane, x: float, y: float, a: float, b: float, value: float) -> None:  # noqa: PLR0917 - as one says an ellipse
    """Paint an ellipse over what is there; voxels on its edge hold a part of both."""
    size = plane.shape[0]
    if min(a, b) <= 0:
        return
    half = size / 2
    left, right = (int(np.clip((x + s * a + 1) * half + 2 * s, 0, size)) for s in (-1, 1))
    top, bottom = (int(np.clip((y + s * b + 1) * half + 2 * s, 0, size)) for s in (-1, 1))
    if left >= right or top >= bottom:
        return
    columns, rows = _coordinates(size)
    u, v = (columns[:, left:right] - x) / a, (rows[top:bottom] - y) / b
    inside = (1 - np.sqrt(u * u + v * v)) * np.float32(min(a, b) * half) + np.float32(0.5)
    share = np.clip(inside, 0, 1)
    part = plane[top:bottom, left:right]
    part += share * (np.float32(value) - part)


def _anatomy(t: float, size: int, vessels: list[tuple[float, float, float, float, float]]) -> Plane:
    plane = np.full((size, size), _AIR, np.float32)
    _table(plane)
    girth = 0.86 + 0.14 * sin(pi * min(t / 0.8, 1.0) / 2)
    _paint(plane, 0, 0.06, 0.82 * girth, 0.60 * girth, _FAT)
    _paint(plane, 0, 0.06, 0.765 * girth, 0.55 * girth, _MUSCLE)
    _lungs(plane, t, vessels)
    _mediastinum(plane, t)
    _skeleton(plane, t, girth)
    return plane


def _table(plane: Plane) -> None:
    _paint(plane, 0, 0.765, 0.66, 0.055, -190.0)
    _paint(plane, 0, 0.765, 0.645, 0.04, -905.0)


def _lungs(plane: Plane, t: float, vessels: list[tuple[float, float, float, float, float]]) -> None:
    swell = sqrt(sin(pi * min(max(t * 0.8 + 0.14, 0.0), 1.0)))
    for side in (-1.0, 1.0):
        _paint(plane, side * 0.36, 0.0, 0.275 * swell, 0.44 * swell, _LUNG)
    for x, y, drift_x, drift_y, radius in vessels:
        px, py = x + drift_x * (t - 0.5), y + drift_y * (t - 0.5)
        inside = ((abs(px) - 0.36) / 0.26) ** 2 + (py / 0.42) ** 2 < 0.8 * swell**2
        if inside:
            _paint(plane, px, py, radius, radius, 60.0)
    # The domes of the diaphragm: liver on the right, which is on the left of the picture.
    for side, start, value in ((-1.0, 0.58, _LIVER), (1.0, 0.68, 70.0)):
        dome = sqrt(max(t - start, 0.0) / 0.3)
        _paint(plane, side * 0.35, 0.0, 0.28 * min(dome, 1.0), 0.45 * min(dome, 1.0), value)


def _mediastinum(plane: Plane, t: float) -> None:
    heart = sin(pi * min(max((t - 0.35) / 0.5, 0.0), 1.0))
    _paint(plane, 0, 0.03, 0.125, 0.36, _MUSCLE)
    _paint(plane, 0.10, -0.10, 0.27 * heart, 0.24 * heart, _MUSCLE)
    _paint(plane, 0.16, -0.08, 0.13 * heart, 0.12 * heart, _BLOOD)
    _paint(plane, 0.0, -0.15, 0.10 * heart, 0.09 * heart, 170.0)
    _paint(plane, 0.10, 0.27, 0.052, 0.052, _BLOOD)
    if t < 0.5:
        _paint(plane, -0.03, -0.08, 0.062, 0.06, _BLOOD)
        apart = max(t - 0.36, 0.0) * 0.8  # the windpipe forks
        for side in (-1.0, 1.0) if apart else (0.0,):
            _paint(plane, side * (0.03 + apart), 0.10, 0.042, 0.045, -985.0)


def _skeleton(plane: Plane, t: float, girth: float) -> None:
    level = (t * 9) % 1.0  # vertebrae and discs by turns
    if level < 0.72:
        _paint(plane, 0, 0.40, 0.125, 0.098, _BONE)
        _paint(plane, 0, 0.40, 0.108, 0.083, _MARROW)
    else:
        _paint(plane, 0, 0.40, 0.118, 0.092, _DISC)
    _paint(plane, 0, 0.525, 0.085, 0.06, _BONE)
    _paint(plane, 0, 0.515, 0.052, 0.044, 28.0)
    _paint(plane, 0, 0.595, 0.022, 0.055, 480.0)
    _paint(plane, 0, -0.43 * girth, 0.085, 0.026, 470.0)
    _paint(plane, 0, -0.43 * girth, 0.073, 0.017, 150.0)
    for number in range(14):
        angle = 2 * pi * (number + 0.5) / 14 + 0.9 * (t - 0.5)
        x, y = 0.70 * girth * cos(angle), 0.06 + 0.495 * girth * sin(angle)
        _paint(plane, x, y, 0.046, 0.026, _BONE)
        _paint(plane, x, y, 0.034, 0.015, 240.0)
