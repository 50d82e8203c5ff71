"""A reader for TorchIO's images."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from dicube_core.exceptions import UnsupportedKindError
from dicube_plugins.volume import OpenVolumes
from dicube_plugins.volume.urls import as_given

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    import numpy.typing as npt

    from dicube_plugins.torchio._backend import DcbsBackend
    from dicube_plugins.volume import LazyVolume
    from dicube_plugins.volume.lazy_volume import Values

__all__ = ["DcbsReader"]

#: What each process keeps: files, and bytes of decoded frames, so that several patches of one
#: volume decode its frames once.
_MAX_OPEN, _CACHE_BYTES = 8, 64 << 20
#: TorchIO takes these for types that torch lacks.
_WIDENED = {"uint16": "int32", "uint32": "int64"}


@cache
def _volumes(values: Values, sheared: bool) -> OpenVolumes:
    return OpenVolumes(_MAX_OPEN, _CACHE_BYTES, values=values, sheared=sheared)


@dataclass(frozen=True, slots=True)
class DcbsReader:
    """Called with a path, returns a tensor (channel, x, y, z) and the affine to RAS mm.

    For ``tio.ScalarImage(path, reader=DcbsReader())`` and `tio.LabelMap`. Values are those that
    TorchIO gives for the folder of DICOM files, and the axes run as in NIfTI: channels are the
    red, green and blue of colour, or the volumes of a series of several. Pickles; images that are
    copied keep it.

    Parameters
    ----------
    values : {"modality", "stored"}
        Modality values, each slice by its own slope and intercept or Modality LUT; or values as
        they are stored.
    dtype : str, optional
        Of the tensor, such as ``"float32"``; by default the type that holds every value exactly,
        where 16 and 32 bits without a sign become 32 and 64 bits with one, as in TorchIO.
    sheared : bool
        For a gantry tilt: take the true affine, whose third axis is not perpendicular.

    Notes
    -----
    TorchIO 1 loads an image whole when it has a reader of its own, even to tell its shape.
    ``dicube_plugins.install("torchio")`` makes images without one lazy. TorchIO 2 asks the reader
    for a lazy backend.
    """

    values: Values = "modality"
    dtype: str | None = None
    sheared: bool = False

    def __call__(
        self, path: str | os.PathLike[str], **kwargs: Any
    ) -> tuple[torch.Tensor, npt.NDArray[np.float64]]:
        """Return all voxels, and the affine.

        Raises
        ------
        GeometryError
            The slices form no regular grid; the message says why, and how to read them anyway.
        UnsupportedKindError
            More than one dimension beside x, y and z.
        DecodeError, ChecksumError
            A frame is damaged; the message names it and its byte offset.
        """
        volume = self.volume(path)
        return self.tensor(volume), volume.affine.copy()

    def volume(self, path: str | os.PathLike[str]) -> LazyVolume:
        """Return a file as a lazy array."""
        volume = _volumes(self.values, self.sheared).get(as_given(path))
        if volume.ndim + (volume.samples > 1) > 4:
            raise UnsupportedKindError(
                f"{volume.name}: shape {volume.shape} with {volume.samples} samples: an image has "
                "one dimension beside x, y and z",
                suggestion="read the frames of one volume with dicube_core.open(path)"
                ".dimensions.frames_of()",
            )
        return volume

    @staticmethod
    def shape(volume: LazyVolume) -> tuple[int, int, int, int]:
        """Return (channel, x, y, z)."""
        x, y, z, *extra = volume.shape
        return extra[0] if extra else volume.samples, x, y, z

    def voxel_dtype(self, volume: LazyVolume) -> np.dtype[Any]:
        """Return the type of the tensor, as numpy's."""
        if self.dtype is not None:
            return np.dtype(self.dtype)
        return np.dtype(_WIDENED.get(volume.dtype.name, volume.dtype))

    def tensor(
        self,
        volume: LazyVolume,
        start: Sequence[int] | None = None,
        size: Sequence[int] | None = None,
    ) -> torch.Tensor:
        """Return the voxels of a box (x, y, z) of all channels; everything by default."""
        extra = volume.shape[3:]
        if start is not None and size is not None:
            start, size = [*start, *(0 for _ in extra)], [*size, *extra]
        array = volume.read(start, size, dtype=self.voxel_dtype(volume), order="C")
        if array.ndim == 3:
            return torch.from_numpy(array)[None]
        return torch.from_numpy(np.ascontiguousarray(np.moveaxis(array, -1, 0)))

    def create_backend(self, request: Any) -> DcbsBackend:
        """Return a lazy backend, which TorchIO 2 asks for."""
        from dicube_plugins.torchio._backend import DcbsBackend

        return DcbsBackend(self, request.path, request.affine)
