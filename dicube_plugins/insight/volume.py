"""An open file as a volume that ITK's images take their voxels from."""

from __future__ import annotations

from concurrent.futures import Future
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from dicube_core.exceptions import DataConsistencyError, InvalidCubeFileError
from dicube_core.frames import run_frames
from dicube_core.reader import Reader
from dicube_plugins.frame_names import parse_frame_name
from dicube_plugins.insight.reader_grid import grid_of, grid_of_frames
from dicube_plugins.shown_values import ShownValues

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator, Sequence

    import numpy as np
    import numpy.typing as npt

__all__ = ["Volume", "open_volume"]


class Volume:
    """Grid and values of an open file. Safe for several threads.

    Values are modality values; for colour (palettes included) red, green and blue, as ITK gives
    them.

    Parameters
    ----------
    reader : Reader
        Stays the caller's to close.
    frames : sequence of int, optional
        Those that are wanted, see `grid_of_frames`; all by default.

    Attributes
    ----------
    grid : Grid
        See `grid_of`.
    dtype : dtype
        Type that holds every value exactly; the one that ITK gives the slices.
    components : int
        1, or 3 for colour.

    Raises
    ------
    GeometryError
        The slices form no regular grid.
    FrameIndexError
        The file has no such frame.
    UnsupportedKindError
        Colour of a kind that is not turned into RGB.
    """

    def __init__(self, reader: Reader, frames: Sequence[int] | None = None) -> None:
        if not reader.frame_count:
            raise InvalidCubeFileError(f"{reader.name}: the file has no frames")
        self.reader = reader
        self.grid = grid_of(reader) if frames is None else grid_of_frames(reader, frames)
        self._values = ShownValues(reader)
        self.dtype: np.dtype[Any] = self._values.dtype
        self.components = self._values.samples

    def fill(
        self,
        frames: Sequence[int],
        out: npt.NDArray[Any] | Future[npt.NDArray[Any]],
        rows: slice = slice(None),
        columns: slice = slice(None),
    ) -> None:
        """Decode frames into an array.

        Values become those of another type as ITK makes them, without their fraction where
        integers are asked for; but only if the type holds them.

        Parameters
        ----------
        frames : sequence of int
            Which, in which order.
        out : ndarray of shape (n, rows, columns), or a future of it
            Of a real type; (n, rows, columns, 3) for colour. While a future is not done, frames
            are decoded beside it.
        rows, columns : slice
            The part of each frame that is wanted.

        Raises
        ------
        DataConsistencyError
            The type does not hold a value; the message names the frame.
        DecodeError, ChecksumError
            A frame is damaged; the message names it and its byte offset.
        """
        part = (rows, columns)
        _ = self.reader.codec  # made once, not by every thread
        early: list[tuple[int, int, npt.NDArray[Any]]] = []

        def work(position: int, frame: int) -> None:
            if not isinstance(out, Future):
                self._decode(frame, part, out[position])
            elif out.done():
                self._decode(frame, part, out.result()[position])
            else:
                early.append((position, frame, self.reader.frame(frame)))

        run_frames(work, frames)
        target = out.result() if isinstance(out, Future) else out

        def finish(_: int, number: int) -> None:
            position, frame, stored = early[number]
            self._finish(stored[part], frame, target[position])

        run_frames(finish, range(len(early)))

    def _decode(self, frame: int, part: tuple[slice, slice], out: npt.NDArray[Any]) -> None:
        if out.dtype == self.dtype and out.shape == self._values.plane:
            self._values.frame(frame, self.dtype, out)
        else:
            self._finish(self.reader.frame(frame)[part], frame, out)

    def _finish(self, stored: npt.NDArray[Any], frame: int, out: npt.NDArray[Any]) -> None:
        """Make values of stored values."""
        if out.dtype == self.dtype:
            self._values.apply(stored, frame, self.dtype, out)
        else:
            # Reckoned in the exact type first: rounding twice would give other numbers than ITK.
            self._convert(self._values.apply(stored, frame, self.dtype), frame, out)

    def _convert(self, values: npt.NDArray[Any], frame: int, out: npt.NDArray[Any]) -> None:
        import numpy as np

        kind = out.dtype
        if kind.kind in "iu" and values.size and not np.can_cast(values.dtype, kind, "safe"):
            low, high = values.min(), values.max()
            limits = np.iinfo(kind)
            if int(low) < limits.min or int(high) > limits.max:
                raise DataConsistencyError(
                    f"{self.reader.name}: frame {frame}: values from {low} to {high} do not fit "
                    f"{kind}",
                    suggestion="read the file without an output pixel type, and rescale or clamp "
                    "the image",
                    details={"path": self.reader.name, "frame": frame},
                )
        np.copyto(out, values, casting="unsafe")


@contextmanager
def open_volume(
    path: str | os.PathLike[str], frames: Sequence[int] | None = None
) -> Iterator[Volume]:
    """Open a file, or one frame of it by its name, for as long as the context lasts.

    No frame is touched.

    Parameters
    ----------
    path : path-like
        A file, or the name of a frame.
    frames : sequence of int, optional
        Those of the file that are wanted; not with the name of a frame.

    Raises
    ------
    FrameIndexError
        The file has no such frame.
    """
    named = parse_frame_name(path)
    if named is not None:
        path, frames = named.path, [named.frame]
    with Reader(path) as reader:
        yield Volume(reader, frames)
