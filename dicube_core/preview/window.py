"""Which values are black and which are white (DICOM PS3.3 C.11.2.1.2)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dicube_core.exceptions import DataConsistencyError, DicomCubeError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from dicube_core.preview.view import SeriesView

__all__ = ["Window", "file_window", "window_of"]

_VOI_LUT_FUNCTION = 0x00281056
_FUNCTIONS = ("LINEAR", "LINEAR_EXACT", "SIGMOID")


@dataclass(frozen=True, slots=True)
class Window:
    """From modality values to grey.

    Parameters
    ----------
    low, high : float
        Modality values that become black and white.
    sigmoid : tuple of float, optional
        Center and width of a curve in place of the straight line between them.
    inverted : bool
        The lowest values are white (MONOCHROME1).
    """

    low: float
    high: float
    sigmoid: tuple[float, float] | None = None
    inverted: bool = False

    @classmethod
    def of(
        cls, center: float, width: float, function: str = "LINEAR", *, inverted: bool = False
    ) -> Window:
        """Make the window that DICOM's center, width and VOI LUT Function describe.

        For LINEAR the standard takes half a step off the center, and one step off the width. A
        width below 1, which is for the other functions only, is taken as it is.
        """
        if function == "LINEAR" and width >= 1:
            low = center - 0.5 - (width - 1) / 2
            return cls(low, low + width - 1, inverted=inverted)
        low, high = center - width / 2, center + width / 2
        return cls(low, high, (center, width) if function == "SIGMOID" else None, inverted)

    def grey(self, values: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
        """Return values as grey from 0 to 255. What is not a number is as the lowest."""
        import numpy as np

        values = np.where(np.isnan(values), -np.inf, values)
        if self.sigmoid is not None:
            center, width = self.sigmoid
            with np.errstate(over="ignore"):
                share = 1 / (1 + np.exp(-4 * (values - center) / width))
        elif not self.low < self.high:
            share = (values > self.low).astype(np.float64)
        else:
            share = (np.clip(values, self.low, self.high) - self.low) / (self.high - self.low)
        grey: npt.NDArray[np.uint8] = np.rint(share * 255).astype(np.uint8)
        return 255 - grey if self.inverted else grey


def file_window(view: SeriesView) -> Window | None:
    """Return the first window of the first frame, None where there is none."""
    header = view.series.pixel_header
    if header.WindowCenter is None or not header.WindowWidth or not header.WindowWidth > 0:
        return None
    function = _function(view)
    return Window.of(header.WindowCenter, header.WindowWidth, function, inverted=view.inverted)


def _function(view: SeriesView) -> str:
    """Return the VOI LUT Function (0028,1056) of the first frame."""
    try:
        found = view.first_value(_VOI_LUT_FUNCTION)
    except DicomCubeError:
        return "LINEAR"  # damaged metadata matters to others
    return found if found in _FUNCTIONS else "LINEAR"


def window_of(
    view: SeriesView, wanted: tuple[float, float] | None, values: npt.NDArray[Any]
) -> Window:
    """Return the window to show grey values with.

    Parameters
    ----------
    view : SeriesView
        Whose window it is.
    wanted : (center, width), optional
        What the user asks for, in modality values; else the file's own.
    values : ndarray
        What is to be shown: where there is no window, 98 % of its finite values are within it.

    Raises
    ------
    DataConsistencyError
        What is wanted is no window.
    """
    if wanted is not None:
        center, width = wanted
        if not (math.isfinite(center) and 0 < width < math.inf):
            raise DataConsistencyError(
                f"no window has center {center} and width {width}: a width above 0 is needed"
            )
        return Window.of(*wanted, inverted=view.inverted)
    found = file_window(view)
    if found is not None:
        return found
    import numpy as np

    finite = values[np.isfinite(values)]
    low, high = (0.0, 1.0) if not finite.size else np.percentile(finite, (1, 99)).tolist()
    if not low < high:
        low, high = (float(finite.min()), float(finite.max())) if finite.size else (low, high)
    return Window(low, high, inverted=view.inverted)
