"""Turn a stack of frames so that the frames become the last axis."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    Array = npt.NDArray[Any]

__all__ = ["Turner"]

#: Rows that are turned at once: what is turned stays within the processor's cache.
_ROWS = 32


class Turner:
    """Turns stacks in memory that is used again; for one thread.

    Parameters
    ----------
    dtype : dtype
        Of the results.
    """

    def __init__(self, dtype: np.dtype[Any]) -> None:
        self._dtype = dtype
        self._scratch: tuple[Array, Array] | None = None

    def turn(
        self, frames: Array, out: Array, finish: Callable[[Array, Array], None] | None = None
    ) -> None:
        """Put a stack into `out`, with its axes in the opposite order.

        Parameters
        ----------
        frames : ndarray of shape (z, y, x)
            All stacks that one turner is given have its type.
        out : ndarray of shape (x, y, z)
            Part of a larger array; its last axis is contiguous.
        finish : callable, optional
            ``finish(turned, values)`` makes the values of the result of those of the stack, one
            by one. Without it, the stack has the type of the result.
        """
        count, height, width = frames.shape
        size = min(_ROWS, height) * width * count
        if self._scratch is None or self._scratch[0].size < size:
            self._scratch = np.empty(size, frames.dtype), np.empty(size, self._dtype)
        # The values of a pixel are copied as one item, which is faster than one after another.
        item = np.dtype((np.void, count * self._dtype.itemsize))
        target = out.view(item)[..., 0]
        for row in range(0, height, _ROWS):
            rows = frames[:, row : row + _ROWS]
            shape = (rows.shape[1], width, count)
            turned, values = (scratch[: rows.size] for scratch in self._scratch)
            pixels = turned.reshape(shape)
            for position in range(count):
                pixels[:, :, position] = rows[position]
            if finish is None:
                values = turned
            else:
                finish(turned, values)
            target[:, row : row + _ROWS] = values.view(item).reshape(shape[:2]).T
