"""A data set of single frames."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from dicube_core.exceptions import UnsupportedKindError
from dicube_core.reader import Reader
from dicube_plugins.torch._files import SamplesOfFiles, paths_of
from dicube_plugins.torch._open_frames import OpenFrames
from dicube_plugins.torch._types import TensorType

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Sequence

    from dicube_plugins.shown_values import ShownValues
    from dicube_plugins.volume.lazy_volume import Values

__all__ = ["FrameDataset"]


class FrameDataset(SamplesOfFiles):
    """The frames of several files, one sample each, file after file.

    Needs no geometry: irregular series, localizers and single pictures are read as well. Only
    the frame that is asked for is decoded. Workers are started by fork or spawn and open files
    themselves, a bounded number of them.

    Parameters
    ----------
    files : sequence of paths or URLs
        All are opened once, to count their frames.
    values : {"modality", "stored"}
        Modality values, each frame by its own slope and intercept or Modality LUT; or values as
        they are stored, less bits that are no part of them. Colour is RGB in both cases.
    dtype : torch.dtype or numpy dtype, optional
        Of the tensors; None for the type that holds every value of a file exactly, where 16 and
        32 bits without a sign become 32 and 64 bits with one.
    transform : callable, optional
        Called with each sample.
    max_open : int
        Files that each process keeps open.

    Raises
    ------
    InvalidCubeFileError, OSError
        A file is none, or cannot be opened.

    Notes
    -----
    A sample is a dict: ``image`` (channel, rows, columns), ``frame`` (in file order), ``file``
    (position in `files`), ``path`` and ``index``.
    """

    def __init__(
        self,
        files: Sequence[str | os.PathLike[str]],
        *,
        values: Values = "modality",
        dtype: Any = torch.float32,
        transform: Callable[[dict[str, Any]], Any] | None = None,
        max_open: int = 8,
    ) -> None:
        if values not in ("modality", "stored"):
            raise ValueError(f"values are 'modality' or 'stored', not {values!r}")
        self.files = paths_of(files)
        self.values, self.transform = values, transform
        self._type = TensorType(dtype)
        self._open = OpenFrames(max_open)
        self._counts = []
        for path in self.files:
            with Reader(path) as reader:
                self._counts.append(reader.frame_count)
        super().__init__(self._counts)

    def __getitem__(self, index: int) -> Any:
        """Return a sample; negative numbers count from the end.

        Raises
        ------
        IndexError
            There is no such sample.
        DataConsistencyError
            The file was replaced by one of another number of frames.
        DecodeError, ChecksumError
            The frame is damaged; the message names it and its byte offset.
        """
        number, file, frame = self._find(index)
        shown = self._open.get(self.files[file])
        count = shown.reader.frame_count
        self._require_same(shown.reader.name, f"{count} frames", f"{self._counts[file]} frames")
        sample = {
            "image": self._type.tensor(_channel_first(self._array(shown, frame), shown.samples)),
            "frame": frame,
            "file": file,
            "path": self.files[file],
            "index": number,
        }
        return sample if self.transform is None else self.transform(sample)

    def _array(self, shown: ShownValues, frame: int) -> Any:
        if shown.colours is None and self.values == "stored":
            fmt = shown.reader.pixel_format
            stored = fmt.pixel_values(shown.reader.frame(frame))
            return self._fitting(stored, shown)
        if shown.colours is not None:
            return self._fitting(shown.frame(frame), shown)
        return shown.frame(frame, self._type.of(shown.dtype))

    def _fitting(self, values: Any, shown: ShownValues) -> Any:
        kind = self._type.of(values.dtype)
        if kind.kind != "f" and not np.can_cast(values.dtype, kind, "safe"):
            raise UnsupportedKindError(
                f"{shown.reader.name}: {kind} does not hold the values, which are {values.dtype}",
                suggestion="a floating type, dtype=None, or an integer type that holds them",
            )
        return values.astype(kind, copy=False)


def _channel_first(array: Any, samples: int) -> Any:
    return array[None] if samples == 1 else np.moveaxis(array, -1, 0)
