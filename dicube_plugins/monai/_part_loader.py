"""Images of which parts are loaded: boxes of ``.dcbs`` files, crops of all others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import torch
from monai.data.meta_tensor import MetaTensor
from monai.transforms import LoadImage, SpatialCrop
from monai.transforms.utility.array import EnsureChannelFirst
from monai.utils import ImageMetaKey, MetaKeys, ensure_tuple

from dicube_core.exceptions import DataConsistencyError, FrameIndexError
from dicube_plugins.monai._reader import DcbsReader
from dicube_plugins.sniff import is_dcbs
from dicube_plugins.volume import OpenVolumes
from dicube_plugins.volume.urls import as_given, ends_as_ours

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence

    import numpy.typing as npt

    from dicube_plugins.volume import LazyVolume

__all__ = ["PartLoader"]


class _Image(Protocol):
    """An image of which parts can be had."""

    @property
    def spatial_shape(self) -> tuple[int, ...]: ...

    def part(self, start: Sequence[int], size: Sequence[int]) -> torch.Tensor:
        """Return a box (channel, x, y, z)."""
        ...


class PartLoader:
    """Opens images; pickles without the files that are open.

    Parameters
    ----------
    dtype : dtype
        Of the tensors.
    max_open, cache_bytes : int
        As for `OpenVolumes`.
    options : mapping
        Of `DcbsReader`.
    """

    def __init__(
        self,
        dtype: npt.DTypeLike,
        max_open: int,
        cache_bytes: int,
        options: Mapping[str, Any],
    ) -> None:
        self._reader = DcbsReader(**options)
        self._dtype = np.dtype(dtype)
        self._volumes = OpenVolumes(
            max_open, cache_bytes, values=self._reader.values, sheared=self._reader.sheared
        )
        self._others: LoadImage | None = None

    def __getstate__(self) -> dict[str, Any]:
        # Caches of MONAI go by what a transform pickles to: what was loaded takes no part in it.
        return {**self.__dict__, "_others": None}

    def of_item(self, paths: Mapping[Hashable, Any]) -> dict[Hashable, _Image]:
        """Open the images of an item, which must be of one shape.

        Raises
        ------
        DataConsistencyError
            They are not.
        """
        images = {key: self._image(value) for key, value in paths.items()}
        shapes = {key: image.spatial_shape for key, image in images.items()}
        if len(set(shapes.values())) > 1:
            raise DataConsistencyError(
                f"the images of an item differ in shape: {shapes}",
                suggestion="boxes are cut out at the same voxels; resample the images first",
            )
        return images

    def spatial_shape(self, paths: Any) -> tuple[int, ...]:
        """Return (x, y, z) of an image."""
        return self._image(paths).spatial_shape

    def _image(self, paths: Any) -> _Image:
        names = [as_given(path) for path in ensure_tuple(paths)]
        if all(ends_as_ours(name) or is_dcbs(name) for name in names):
            return _Parts([self._volumes.get(name) for name in names], self._reader, self._dtype)
        if self._others is None:
            self._others = LoadImage(ensure_channel_first=True, dtype=self._dtype)
        return _Crops(self._others(names if len(names) > 1 else names[0]))


class _Parts:
    """Boxes of one file, or of several whose channels follow each other."""

    def __init__(self, volumes: list[LazyVolume], reader: DcbsReader, dtype: Any) -> None:
        self._volumes, self._reader, self._dtype = volumes, reader, dtype
        shapes = {volume.shape for volume in volumes}
        affines = [volume.affine for volume in volumes]
        if len(shapes) > 1 or not all(np.allclose(affines[0], one) for one in affines):
            raise DataConsistencyError(
                f"{volumes[0].name} and {len(volumes) - 1} more files differ in shape or affine",
                suggestion="files can be channels of one image only where their voxels lie upon "
                "each other",
            )

    @property
    def spatial_shape(self) -> tuple[int, ...]:
        """(x, y, z)."""
        return self._volumes[0].shape[:3]

    def part(self, start: Sequence[int], size: Sequence[int]) -> torch.Tensor:
        """Return a box (channel, x, y, z), all volumes of it."""
        parts = [self._of(volume, start, size) for volume in self._volumes]
        if len(parts) == 1:
            return parts[0]
        joined = torch.cat(parts)
        joined.meta = parts[0].meta
        return joined

    def _of(self, volume: LazyVolume, start: Sequence[int], size: Sequence[int]) -> Any:
        extra = volume.shape[3:]
        first = [*start, *(0 for _ in extra)]
        array = volume.read(first, [*size, *extra], dtype=self._dtype, order="C")
        meta = self._reader.meta(volume)
        meta[ImageMetaKey.FILENAME_OR_OBJ] = volume.name
        image = EnsureChannelFirst()(MetaTensor.ensure_torch_and_prune_meta(array, meta), meta)
        if isinstance(image, MetaTensor):  # else metadata is not tracked
            affine = np.asarray(meta[MetaKeys.AFFINE]).copy()
            affine[:3, 3] += affine[:3, :3] @ np.asarray(start, float)
            image.affine = torch.as_tensor(affine)
        return image


class _Crops:
    """Crops of an image that is in memory."""

    def __init__(self, image: Any) -> None:
        self._image = image

    @property
    def spatial_shape(self) -> tuple[int, ...]:
        """(x, y, z)."""
        return tuple(self._image.shape[1:4])

    def part(self, start: Sequence[int], size: Sequence[int]) -> torch.Tensor:
        """Return a box (channel, x, y, z)."""
        end = [n + length for n, length in zip(start, size, strict=True)]
        if min(start) < 0 or any(n > m for n, m in zip(end, self.spatial_shape, strict=True)):
            raise FrameIndexError(
                f"a box of {list(size)} at {list(start)} reaches out of an image of "
                f"{self.spatial_shape}"
            )
        cropped: torch.Tensor = SpatialCrop(roi_start=start, roi_end=end)(self._image)
        return cropped
