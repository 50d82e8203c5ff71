"""The values of a file as frameworks show them: modality values of grey, RGB of colour."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dicube_core.exceptions import DataConsistencyError
from dicube_core.frames import run_frames
from dicube_core.lazy import lazy
from dicube_core.modality import ModalityValues
from dicube_plugins.colours import colours_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy as np
    import numpy.typing as npt

    from dicube_core.modality import ModalityTransform
    from dicube_core.reader import Reader
    from dicube_plugins.colours import Colours

__all__ = ["ShownValues"]


class ShownValues:
    """Frames of an open file, decoded when asked for. Safe for several threads.

    Grey is `dicube_core.modality.ModalityValues`; colour becomes RGB, see `colours_of`.

    Parameters
    ----------
    reader : Reader
        Stays the caller's to close.
    """

    def __init__(self, reader: Reader) -> None:
        self.reader = reader

    @lazy
    def colours(self) -> Colours | None:
        """How colour is made; None for grey."""
        return colours_of(self.reader)

    @lazy
    def _modality(self) -> ModalityValues:
        return ModalityValues(self.reader)

    @property
    def transform(self) -> ModalityTransform:
        """From stored to modality values; for grey."""
        return self._modality.transform

    @property
    def samples(self) -> int:
        """1, or 3 for colour."""
        return 1 if self.colours is None else 3

    @property
    def plane(self) -> tuple[int, ...]:
        """Shape of a frame: (rows, columns), or (rows, columns, 3) for colour."""
        return self.reader.pixel_format.shape if self.colours is None else self.colours.shape

    @lazy
    def dtype(self) -> np.dtype[Any]:
        """Type that holds every value exactly."""
        return self._modality.dtype if self.colours is None else self.colours.dtype

    def frame(
        self,
        index: int,
        dtype: npt.DTypeLike | None = None,
        out: npt.NDArray[Any] | None = None,
    ) -> npt.NDArray[Any]:
        """Return the values of one frame; see `dicube_core.modality.ModalityValues.frame`.

        Colour is given in its own type only.
        """
        if self.colours is None:
            return self._modality.frame(index, dtype, out)
        number = self.reader.container.frame_number(index)
        if self.colours.is_identity and self.reader.pixel_format.has_whole_words:
            plain = out is None or (out.dtype == self.dtype and out.flags.c_contiguous)
            if plain:
                return self.reader.frame(number, out=out)
        return self.colours.apply(self.reader.frame(number), number, out)

    def apply(
        self,
        stored: npt.NDArray[Any],
        frame: int,
        dtype: npt.DTypeLike,
        out: npt.NDArray[Any] | None = None,
    ) -> npt.NDArray[Any]:
        """Return the values of (a part of) a decoded frame, in `dtype`, or that of `out`."""
        if self.colours is None:
            return self.transform.apply(stored, frame, dtype, out)
        return self.colours.apply(stored, frame, out)

    def frames(self, frames: Iterable[int] | slice | None = None) -> npt.NDArray[Any]:
        """Return the values of many frames, worked out on the configured threads.

        Parameters
        ----------
        frames : range, slice or iterable of int, optional
            Which, in which order; all by default. Negative values count from the end.

        Returns
        -------
        ndarray of shape (n, rows, columns) or (n, rows, columns, 3)
        """
        if self.colours is None:
            return self._modality.frames(frames)
        import numpy as np

        chosen = self.reader.frame_numbers(frames)
        target = np.empty((len(chosen), *self.plane), self.dtype)
        _ = self.reader.codec  # made once, not by every thread

        def work(position: int, index: int) -> None:
            self.frame(index, None, target[position])

        run_frames(work, chosen)
        return target

    def require_grey(self, what: str) -> None:
        """Refuse colour where there is no place for it.

        Raises
        ------
        DataConsistencyError
            The file is of colour; the message says what it cannot become.
        """
        if self.colours is not None:
            kind = self.reader.pixel_format.photometric_interpretation
            raise DataConsistencyError(
                f"{self.reader.name}: colour ({kind}) cannot be read as {what}",
                suggestion="read it without naming a type, and convert the image",
            )
