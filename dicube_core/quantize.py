"""Real values in 65,536 steps: the one lossy way into a file, taken only when it is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dicube_core.exceptions import UnsupportedKindError

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["quantized"]

_STEPS = 65535


def quantized(
    values: npt.NDArray[Any], how: str, name: str
) -> tuple[npt.NDArray[Any], float, float]:
    """Return real values in 65,536 steps between their minimum and maximum.

    Parameters
    ----------
    values : ndarray
        Real numbers.
    how : str
        ``"uint16"``; there is no other way.
    name : str
        The file, for messages.

    Returns
    -------
    (ndarray of uint16, float, float)
        Stored values, slope and intercept: ``value = stored * slope + intercept``, to half a step.

    Raises
    ------
    ValueError
        Another way than ``"uint16"``.
    UnsupportedKindError
        There is a NaN or infinity, or the range is too wide for float64.
    """
    import numpy as np

    if how != "uint16":
        raise ValueError(f"quantize must be 'uint16' or None, not {how!r}")
    real = np.asarray(values, np.float64)
    if not np.isfinite(real).all():
        raise UnsupportedKindError(
            f"{name}: NaN or infinite voxels cannot be quantised",
            suggestion="replace them first, as numpy.nan_to_num does",
        )
    low, high = (float(real.min()), float(real.max())) if real.size else (0.0, 0.0)
    step = (high - low) / _STEPS or 1.0
    if not np.isfinite(step):
        raise UnsupportedKindError(f"{name}: values from {low} to {high} cannot be quantised")
    return np.rint((real - low) / step).astype(np.uint16), step, low
