"""Which slices are likely to be asked for next."""

from __future__ import annotations

__all__ = ["LookAhead"]

#: Requests that lie at most so many slices apart have a direction; others are jumps.
_STRIDE = 2


class LookAhead:
    """Guesses from the requests so far. Several threads may ask; what is lost is a guess.

    Parameters
    ----------
    frame_count : int
        Slices that there are.
    """

    def __init__(self, frame_count: int) -> None:
        self._frame_count = frame_count
        self._last: int | None = None
        self._direction = 0

    def after(self, index: int, most: int) -> tuple[int, ...]:
        """Note a request; return what may come next if the direction stays the same.

        Parameters
        ----------
        index : int
            The slice that was asked for.
        most : int
            Slices ahead.

        Returns
        -------
        tuple of int
            At most so many ahead, and the one behind. Nothing after a jump: nobody knows where
            the next one goes.
        """
        last, self._last = self._last, index
        step = 0 if last is None else index - last
        if step:
            self._direction = 0 if abs(step) > _STRIDE else 1 if step > 0 else -1
        direction = self._direction  # other threads ask as well, and change it
        if not direction or most < 1:
            return ()
        wanted = (*(index + direction * n for n in range(1, most + 1)), index - direction)
        return tuple(i for i in wanted if 0 <= i < self._frame_count)
