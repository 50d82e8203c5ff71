"""Transforms that load a part of an image, and decode no more than it needs."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any

import numpy as np
from monai.data.utils import get_random_patch, get_valid_patch_size
from monai.transforms import MapTransform, Randomizable
from monai.transforms.traits import MultiSampleTrait
from monai.transforms.utils import fall_back_tuple
from monai.utils import MAX_SEED, ensure_tuple, ensure_tuple_rep

from dicube_core.exceptions import DataConsistencyError
from dicube_plugins.monai._part_loader import PartLoader
from dicube_plugins.volume import grid_starts

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence

    import numpy.typing as npt

    #: (item, spatial shape, random state) to the first voxel of a patch.
    Locate = Callable[
        [Mapping[Hashable, Any], tuple[int, ...], np.random.RandomState], Sequence[int]
    ]

__all__ = ["LoadPatchd", "RandLoadPatchd", "grid_patches"]

_LOCATION, _SIZE = "patch_location", "patch_size"


class LoadPatchd(MapTransform):  # type: ignore[misc]
    """Load one box of an image: what `LoadImaged`, `EnsureChannelFirstd` and a crop would give.

    Where the box lies is said by the item, as `grid_patches` makes them. Affines are those of
    the box. Images of other formats are loaded whole and cropped, so that labels may be NIfTI.

    Parameters
    ----------
    keys : str or sequence of str
        Whose values are paths, or lists of paths of images that become channels.
    dtype : dtype
        Of the tensors.
    location_key, size_key : str
        Keys of the first voxel and of the size of the box, three numbers each, in the order of
        the array axes of the file.
    allow_missing_keys : bool
        As in MONAI.
    max_open : int
        Files that each process keeps open.
    cache_bytes : int
        Bytes of decoded frames that each process keeps, for boxes that share them; 0 for none.
    **options
        Of `DcbsReader`, such as ``values="stored"``.

    Raises
    ------
    DataConsistencyError
        When called: an item says no place, or its images differ in shape.
    FrameIndexError
        When called: the box reaches out of the image.
    """

    def __init__(
        self,
        keys: str | Sequence[str],
        dtype: npt.DTypeLike = np.float32,
        *,
        location_key: str = _LOCATION,
        size_key: str = _SIZE,
        allow_missing_keys: bool = False,
        max_open: int = 8,
        cache_bytes: int = 0,
        **options: Any,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self._loader = PartLoader(dtype, max_open, cache_bytes, options)
        self._place = (location_key, size_key)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Return the item with tensors (channel, x, y, z) in place of paths."""
        found = dict(data)
        missing = [key for key in self._place if key not in found]
        if missing:
            raise DataConsistencyError(
                f"the item has no {' and no '.join(map(repr, missing))}",
                suggestion="dicube_plugins.monai.grid_patches(items, patch_size) makes such items",
            )
        start, size = ([int(n) for n in ensure_tuple(found[key])] for key in self._place)
        images = self._loader.of_item({key: found[key] for key in self.key_iterator(found)})
        for key, image in images.items():
            found[key] = image.part(start, size)
        return found


class RandLoadPatchd(Randomizable, MapTransform, MultiSampleTrait):  # type: ignore[misc]
    """Load boxes at random places, the same for all keys of an item.

    Takes the place of ``LoadImaged(keys)``, ``EnsureChannelFirstd(keys)`` and
    ``RandSpatialCropSamplesd(keys, roi_size, num_samples, random_size=False)``: with the same
    random state it gives the same tensors with the same affines, and decodes the frames that the
    boxes touch. Like a crop by MONAI, a box is not larger than the image. Images of other formats
    are loaded whole and cropped, so that labels may be NIfTI.

    Parameters
    ----------
    keys : str or sequence of str
        Whose values are paths, or lists of paths of images that become channels.
    roi_size : int or sequence of int
        Size along x, y and z; what is not positive stands for the size of the image.
    num_samples : int
        Boxes of each item. A list of as many items is returned.
    dtype : dtype
        Of the tensors.
    locate : callable, optional
        ``locate(item, spatial_shape, random_state)`` returns the first voxel of a box, which is
        moved inside where it would reach out. For boxes around lesions, for instance.
    allow_missing_keys, max_open, cache_bytes, **options
        As for `LoadPatchd`.
    """

    def __init__(
        self,
        keys: str | Sequence[str],
        roi_size: int | Sequence[int],
        num_samples: int = 1,
        dtype: npt.DTypeLike = np.float32,
        *,
        locate: Locate | None = None,
        allow_missing_keys: bool = False,
        max_open: int = 8,
        cache_bytes: int = 0,
        **options: Any,
    ) -> None:
        MapTransform.__init__(self, keys, allow_missing_keys)
        if num_samples < 1:
            raise ValueError(f"at least 1 sample is taken, not {num_samples}")
        self.roi_size, self.num_samples, self.locate = roi_size, num_samples, locate
        self._loader = PartLoader(dtype, max_open, cache_bytes, options)
        self._seed = 0

    def randomize(self, data: Any = None) -> None:
        """Draw what all samples of an item are drawn from, as MONAI's transform does."""
        self._seed = self.R.randint(MAX_SEED, dtype="uint32")

    def __call__(self, data: Mapping[Hashable, Any]) -> list[dict[Hashable, Any]]:
        """Return `num_samples` items with tensors (channel, x, y, z) in place of paths."""
        given = dict(data)
        keys = list(self.key_iterator(given))
        rest = {key: value for key, value in given.items() if key not in keys}
        images = self._loader.of_item({key: given[key] for key in keys})
        self.randomize()
        samples: list[dict[Hashable, Any]] = [deepcopy(rest) for _ in range(self.num_samples)]
        state = np.random.RandomState(self._seed)
        shape = next(iter(images.values())).spatial_shape if images else ()
        for sample in samples if images else ():
            start, size = self._draw(given, shape, state)
            for key, image in images.items():
                sample[key] = image.part(start, size)
        return samples

    def _draw(
        self,
        item: Mapping[Hashable, Any],
        shape: tuple[int, ...],
        state: np.random.RandomState,
    ) -> tuple[list[int], list[int]]:
        size = get_valid_patch_size(shape, fall_back_tuple(self.roi_size, shape))
        if self.locate is None:
            start = [one.start for one in get_random_patch(shape, size, state)]
        else:
            chosen = self.locate(item, shape, state)
            start = [
                min(max(0, int(n)), length - wanted)
                for n, length, wanted in zip(chosen, shape, size, strict=True)
            ]
        return start, list(size)


def grid_patches(
    items: Iterable[Mapping[Hashable, Any]],
    patch_size: int | Sequence[int],
    overlap: int | Sequence[int] = 0,
    *,
    key: Hashable = "image",
    **options: Any,
) -> list[dict[Hashable, Any]]:
    """Return one item for each box of a grid over each image, for `LoadPatchd`.

    Of ``.dcbs`` files only the headers are read; others are loaded. The boxes cover the image; the
    last one along an axis ends where the image ends, so that all have one size. An image that is
    smaller than the box gives one box of its own size along that axis.

    Parameters
    ----------
    items : iterable of dict
        As for a data set of MONAI; `key` holds a path, or a list of paths.
    patch_size, overlap : int or sequence of int
        Voxels along x, y and z.
    key : hashable
        Of the image whose size counts.
    **options
        Of `DcbsReader`, as they are given to `LoadPatchd`: ``sheared=True`` for a gantry tilt.

    Returns
    -------
    list of dict
        Copies of the items with ``patch_location``, ``patch_size`` (tuples of three) and
        ``patch_index``, counted within each image.
    """
    size, shared = ensure_tuple_rep(patch_size, 3), ensure_tuple_rep(overlap, 3)
    loader = PartLoader(np.float32, 1, 0, options)
    found: list[dict[Hashable, Any]] = []
    for item in items:
        shape = loader.spatial_shape(item[key])
        fitting = tuple(min(n, length) for n, length in zip(size, shape, strict=True))
        smaller = tuple(min(n, length - 1) for n, length in zip(shared, fitting, strict=True))
        for index, start in enumerate(grid_starts(shape, fitting, smaller)):
            place: dict[Hashable, Any] = {_LOCATION: start, _SIZE: fitting, "patch_index": index}
            found.append({**item, **place})
    return found
