"""The numbers that an image is saved as: exactly its values, or an error."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from nibabel.arrayproxy import ArrayProxy

from dicube_core.exceptions import UnsupportedKindError
from dicube_core.quantize import quantized
from dicube_plugins.nibabel._integers import (
    Stored,
    exact_integers,
    fitted,
    in_chosen_type,
    real_in_chosen_type,
    refuse_other_kinds,
)
from dicube_plugins.nibabel._proxy import DcbsArrayProxy
from dicube_plugins.nibabel._series import RGB

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["stored_values"]


def stored_values(
    dataobj: Any,
    name: str,
    *,
    preferred: np.dtype[Any],
    chosen: np.dtype[Any] | None,
    scale_hint: tuple[float, float] | None,
    quantize: Literal["uint16"] | None,
) -> Stored:
    """Find stored numbers and factors that give exactly the values of an array or proxy.

    Integers where there are such, else the real numbers that they are.

    Parameters
    ----------
    dataobj : array or array proxy
        Of an image.
    name : str
        Of the target, for messages.
    preferred : dtype
        Used if it holds the values.
    chosen : dtype or None
        Must be used.
    scale_hint : tuple of float or None
        (slope, intercept) that real values may have come from.
    quantize : {"uint16"} or None
        What may be done with values that are not exact otherwise.

    Raises
    ------
    UnsupportedKindError
        The values are complex, wider than 64 bits, or of another kind that is not stored.
    DataConsistencyError
        `chosen` does not hold the values.
    """
    if getattr(dataobj, "dtype", None) == RGB:
        return Stored(_samples(np.asanyarray(dataobj), name, chosen))
    if hasattr(dataobj, "dtype"):
        refuse_other_kinds(np.dtype(dataobj.dtype), name)
    raw = _unscaled(dataobj)
    integers = None if raw is None else exact_integers(raw.values)
    if raw is None or integers is None:
        raw = Stored(np.asanyarray(dataobj))
        refuse_other_kinds(raw.values.dtype, name)
        integers = exact_integers(raw.values)
    if integers is not None:
        if chosen is not None:
            kept: npt.NDArray[Any] | None = in_chosen_type(integers, chosen, name)
        else:
            kept = fitted(integers, (preferred, raw.values.dtype))
        if kept is not None:
            return Stored(kept, raw.slope, raw.intercept)
    return _real(raw.values, name, chosen, scale_hint, quantize)


def _samples(values: npt.NDArray[Any], name: str, chosen: np.dtype[Any] | None) -> npt.NDArray[Any]:
    """Return colour with a last axis of three."""
    if chosen not in (None, RGB):
        raise UnsupportedKindError(
            f"{name}: colour cannot be stored as {chosen}",
            suggestion="leave the choice of the type open",
        )
    samples = np.stack([values[field] for field in "RGB"], axis=-1)
    return samples  # noqa: RET504 - typed by its name


def _unscaled(dataobj: Any) -> Stored | None:
    """Return what a proxy reads before it scales; None where that does not say it all."""
    if isinstance(dataobj, DcbsArrayProxy):
        transform = dataobj.series.transform
        if transform.has_lut or not dataobj.is_whole:
            return None
        header = dataobj.series.reader.pixel_header
        slope = 1.0 if header.RescaleSlope is None else header.RescaleSlope
        inter = 0.0 if header.RescaleIntercept is None else header.RescaleIntercept
        return Stored(dataobj.get_unscaled(), slope, inter)
    if type(dataobj) is not ArrayProxy:
        return None  # derived ones may scale in their own way, whatever slope and inter say
    proxy: Any = dataobj
    return Stored(np.asanyarray(proxy.get_unscaled()), float(proxy.slope), float(proxy.inter))


def _real(
    values: npt.NDArray[Any],
    name: str,
    chosen: np.dtype[Any] | None,
    scale_hint: tuple[float, float] | None,
    quantize: Literal["uint16"] | None,
) -> Stored:
    found = None if scale_hint is None or chosen is not None else _by_factors(values, *scale_hint)
    if found is not None:
        return found
    if quantize is not None:
        return Stored(*quantized(values, quantize, name))
    kind = np.dtype("float64" if values.dtype.itemsize > 4 else "float32")
    return Stored(real_in_chosen_type(values, kind if chosen is None else chosen, name))


def _by_factors(values: npt.NDArray[Any], slope: float, intercept: float) -> Stored | None:
    """Return integers that these factors turn into exactly the values, None if there are none."""
    if not slope or values.dtype.kind != "f":
        return None
    with np.errstate(all="ignore"):
        steps = np.rint((np.asarray(values, np.float64) - intercept) / slope)
        integers = exact_integers(steps)
    kept = None if integers is None else fitted(integers, ())
    # The same reckoning as when it is read.
    if kept is None or not np.array_equal(kept * np.float64(slope) + intercept, values):
        return None
    return Stored(kept, slope, intercept)
