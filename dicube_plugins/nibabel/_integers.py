"""Which integers, with which scale factors, are exactly the values of an array."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from dicube_core.exceptions import DataConsistencyError, UnsupportedKindError
from dicube_core.pixels import DTYPE_BITS

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy.typing as npt

__all__ = [
    "Stored",
    "exact_integers",
    "fitted",
    "in_chosen_type",
    "refuse_other_kinds",
]

#: What is tried for values that have no type of their own, smallest first.
_BY_SIZE = ("uint8", "int8", "uint16", "int16", "uint32", "int32")
#: Whole numbers up to here are exact in float64.
_WHOLE = float(2**53)


@dataclass(frozen=True, slots=True)
class Stored:
    """Integers and what makes values of them: ``value = stored * slope + intercept``.

    Parameters
    ----------
    values : ndarray
        8, 16 or 32-bit integers.
    slope, intercept : float or list of float
        Lists hold one number for each step along the last axis.
    """

    values: npt.NDArray[Any]
    slope: float | list[float] = 1.0
    intercept: float | list[float] = 0.0


def refuse_other_kinds(dtype: np.dtype[Any], name: str) -> None:
    """Refuse what is neither integer nor real, by its name.

    Raises
    ------
    UnsupportedKindError
        Complex, colour or other records, texts, objects.
    """
    if dtype.kind in "iufb":
        return
    kinds = {"c": "complex numbers", "V": "records, such as colours (RGB)"}
    raise UnsupportedKindError(
        f"{name}: voxels of type {dtype} are {kinds.get(dtype.kind, 'no numbers')}; a .dcbs file "
        "holds one real value per voxel",
        suggestion="save each channel or part as a volume of its own",
    )


def exact_integers(values: npt.NDArray[Any]) -> npt.NDArray[Any] | None:
    """Return values as integers if every one is a whole number, else None."""
    if values.dtype.kind in "iu":
        return values
    if values.dtype.kind == "b":
        return values.astype(np.uint8)
    with np.errstate(invalid="ignore"):
        whole = np.rint(values) == values  # NaN is not, infinity is
        if not whole.all() or (values.size and np.abs(values).max() > _WHOLE):
            return None
    return values.astype(np.int64)


def fitted(
    integers: npt.NDArray[Any], preferred: Iterable[np.dtype[Any]]
) -> npt.NDArray[Any] | None:
    """Return integers in a type that a file can hold, None if there is none.

    Parameters
    ----------
    integers : ndarray
        Of any integer type.
    preferred : iterable of dtype
        Tried first, then the others, smallest first.
    """
    low, high = (int(integers.min()), int(integers.max())) if integers.size else (0, 0)
    for name in (*(dtype.name for dtype in preferred), *_BY_SIZE):
        if name in DTYPE_BITS and np.iinfo(name).min <= low and high <= np.iinfo(name).max:
            return integers.astype(name, copy=False)
    return None


def in_chosen_type(integers: npt.NDArray[Any], dtype: np.dtype[Any], name: str) -> npt.NDArray[Any]:
    """Return integers in the type that was asked for.

    Raises
    ------
    UnsupportedKindError
        No file can hold this type.
    DataConsistencyError
        The type does not hold the values.
    """
    if dtype.name not in DTYPE_BITS:
        raise UnsupportedKindError(
            f"{name}: values of type {dtype} cannot be stored, only {', '.join(DTYPE_BITS)}",
            suggestion="set_data_dtype to one of these, or leave the choice open",
        )
    limits = np.iinfo(dtype.name)
    low, high = (int(integers.min()), int(integers.max())) if integers.size else (0, 0)
    if low < limits.min or high > limits.max:
        raise DataConsistencyError(
            f"{name}: values from {low} to {high} do not fit {dtype}",
            suggestion="set_data_dtype to a wider type, or leave the choice open",
        )
    return integers.astype(dtype.name, copy=False)
