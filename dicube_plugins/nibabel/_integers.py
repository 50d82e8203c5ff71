"""Which numbers of a type that a file holds, with which factors, are the values of an array."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from dicube_core.exceptions import DataConsistencyError, UnsupportedKindError
from dicube_core.pixels import DTYPE_BITS, REAL_BITS, STORED_TYPES

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy.typing as npt

__all__ = [
    "Stored",
    "exact_integers",
    "fitted",
    "in_chosen_type",
    "real_in_chosen_type",
    "refuse_other_kinds",
]

#: What is tried for values that have no type of their own, smallest first.
_BY_SIZE = ("uint8", "int8", "uint16", "int16", "uint32", "int32", "int64", "uint64")
#: Taken only where no other holds the values, as they are not DICOM's: numpy's default is one.
_WIDE = ("int64", "uint64")
#: Whole numbers up to here are exact in float64.
_WHOLE = float(2**53)


@dataclass(frozen=True, slots=True)
class Stored:
    """Numbers and what makes values of them: ``value = stored * slope + intercept``.

    Parameters
    ----------
    values : ndarray
        Of a type that a file holds; colour with a last axis of three.
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
        Complex, records other than RGB of 8 bits, real numbers of 128 bits, texts, objects.
    """
    if dtype.kind in "iub" or (dtype.kind == "f" and dtype.itemsize <= 8):
        return
    kinds = {
        "c": "complex numbers",
        "f": "real numbers of more than 64 bits",
        "V": "records that are no RGB of 8 bits",
    }
    raise UnsupportedKindError(
        f"{name}: voxels of type {dtype} are {kinds.get(dtype.kind, 'no numbers')}; a .dcbs file "
        "holds one real value of up to 64 bits per voxel, or RGB",
        suggestion="save each channel or part as a volume of its own",
    )


def exact_integers(values: npt.NDArray[Any]) -> npt.NDArray[Any] | None:
    """Return values as integers if every one is a whole number (and no -0.0), else None."""
    if values.dtype.kind in "iu":
        return values
    if values.dtype.kind == "b":
        return values.astype(np.uint8)
    with np.errstate(invalid="ignore"):
        whole = np.rint(values) == values  # NaN is not, infinity is
        if not whole.all() or (values.size and np.abs(values).max() > _WHOLE):
            return None
    if np.signbit(values[values == 0]).any():
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
        Tried first unless it has 64 bits, then the others, smallest first.
    """
    low, high = (int(integers.min()), int(integers.max())) if integers.size else (0, 0)
    first = [dtype.name for dtype in preferred if dtype.name not in _WIDE]
    for name in (*first, *_BY_SIZE):
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
    if dtype.name in REAL_BITS:
        return real_in_chosen_type(integers, dtype, name)
    if dtype.name not in DTYPE_BITS:
        raise _no_type(dtype, name)
    limits = np.iinfo(dtype.name)
    low, high = (int(integers.min()), int(integers.max())) if integers.size else (0, 0)
    if low < limits.min or high > limits.max:
        raise DataConsistencyError(
            f"{name}: values from {low} to {high} do not fit {dtype}",
            suggestion="set_data_dtype to a wider type, or leave the choice open",
        )
    return integers.astype(dtype.name, copy=False)


def real_in_chosen_type(
    values: npt.NDArray[Any], dtype: np.dtype[Any], name: str
) -> npt.NDArray[Any]:
    """Return numbers in the type that was asked for; errors as `in_chosen_type`."""
    if dtype.name not in STORED_TYPES:
        raise _no_type(dtype, name)
    with np.errstate(all="ignore"):
        result = values.astype(dtype.name)
        same = result.astype(values.dtype) == values
    if not (same | ((values != values) & (result != result))).all():  # noqa: PLR0124 - NaN
        raise DataConsistencyError(
            f"{name}: {dtype} does not hold the values, {values.dtype}, exactly",
            suggestion="set_data_dtype to a wider type, or leave the choice open",
        )
    return result


def _no_type(dtype: np.dtype[Any], name: str) -> UnsupportedKindError:
    return UnsupportedKindError(
        f"{name}: values of type {dtype} cannot be stored, only {', '.join(STORED_TYPES)}",
        suggestion="set_data_dtype to one of these, or leave the choice open",
    )
