"""A random patch: MONAI, TorchIO and plain tensors, out of each form."""

from __future__ import annotations

from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np
from core_bench.equality import UnequalError
from core_bench.timing import Comparison, Race

import dicube_plugins

if TYPE_CHECKING:
    from collections.abc import Callable

    from core_bench.outcome import Row

    from training_bench.forms import Forms

    Start = tuple[int, int, int]

__all__ = ["time_patches"]

_GOAL = 0.2
_TASK = "random patch"


class _Places:
    """Random places, the same for all who ask in the same round."""

    def __init__(self, shape: tuple[int, ...], size: tuple[int, ...]) -> None:
        self._room = [n - m for n, m in zip(shape, size, strict=True)]
        self._counts: dict[str, int] = {}

    def next(self, who: str) -> Start:
        number = self._counts[who] = self._counts.get(who, 0) + 1
        random = np.random.default_rng((7, number))
        return tuple(int(random.integers(0, n, endpoint=True)) for n in self._room)


def time_patches(forms: Forms, rounds: int, size: int = 64) -> list[Row]:
    """Time patches of `size` voxels along each axis (or as many as there are)."""
    import torch

    torch.set_num_threads(1)
    shape = _shape(forms)
    patch = tuple(min(size, n) for n in shape)
    places = _Places(shape, patch)
    ways = _ways(forms, patch)
    _check(ways, shape, patch)
    race = Race(forms.name)
    for name, way in ways.items():
        race.add(name, partial(_run, way, places, name))
    race.run(rounds)
    task = f"{_TASK} {'x'.join(map(str, patch))}"
    rows = []
    for ours, other, against, goal in (
        ("MONAI .dcbs", "MONAI .nii.gz", "MONAI .nii.gz", _GOAL),
        ("TorchIO .dcbs", "TorchIO .nii.gz", "TorchIO .nii.gz", _GOAL),
        ("MONAI .dcbs", "MONAI .nii", "MONAI .nii", None),
        ("tensor .dcbs", "tensor .nii", ".nii, mapped", None),
        ("tensor .dcbs", "tensor Zarr (zstd)", "Zarr (zstd)", None),
        ("tensor .dcbs", "tensor Zarr (blosc)", "Zarr (blosc)", None),
        ("tensor .dcbs", "tensor blosc2", "blosc2", None),
    ):
        way = ours.split()[0]
        rows.append(race.row(Comparison(f"{way}: {task}", ours, other, against, goal)))
    return rows


def _run(way: Callable[[Start], Any], places: _Places, name: str) -> Any:
    return way(places.next(name))


def _shape(forms: Forms) -> tuple[int, ...]:
    from dicube_plugins.volume import LazyVolume

    with LazyVolume(forms.dcbs) as volume:
        return volume.shape


def _ways(forms: Forms, patch: tuple[int, ...]) -> dict[str, Callable[[Start], Any]]:
    """Return what gives a patch (1, x, y, z) of Hounsfield units as a tensor of float32."""
    ways = _tensors(forms, patch)
    if find_spec("monai"):
        ways |= _monai(forms, patch)
    if find_spec("torchio"):
        ways |= _torchio(forms, patch)
    return ways


def _monai(forms: Forms, patch: tuple[int, ...]) -> dict[str, Callable[[Start], Any]]:
    from monai.transforms import LoadImage, SpatialCrop

    from dicube_plugins.monai import LoadPatchd

    def ours(start: Start) -> Any:
        # A new transform opens the file anew, as the others do.
        item = {"image": forms.dcbs, "patch_location": start, "patch_size": patch}
        return LoadPatchd("image")(item)["image"]

    load = LoadImage(reader="NibabelReader", ensure_channel_first=True)

    def theirs(path: Any, start: Start) -> Any:
        image = load(path)
        end = [n + m for n, m in zip(start, patch, strict=True)]
        return SpatialCrop(roi_start=start, roi_end=end)(image)

    ways: dict[str, Callable[[Start], Any]] = {"MONAI .dcbs": ours}
    for form in (".nii.gz", ".nii"):
        ways[f"MONAI {form}"] = partial(theirs, forms.paths[form])
    return ways


def _torchio(forms: Forms, patch: tuple[int, ...]) -> dict[str, Callable[[Start], Any]]:
    import torchio as tio

    from dicube_plugins.torchio import _reader

    dicube_plugins.install("torchio")

    def crop(path: Any, start: Start) -> Any:
        _reader._volumes.cache_clear()  # neither open files nor frames of the round before
        subject = tio.Subject(image=tio.ScalarImage(path))
        sampler = tio.UniformSampler(patch)
        return sampler.crop(subject, start, patch)["image"].data.float()

    return {
        "TorchIO .dcbs": partial(crop, forms.dcbs),
        "TorchIO .nii.gz": partial(crop, forms.nifti),
    }


def _tensors(forms: Forms, patch: tuple[int, ...]) -> dict[str, Callable[[Start], Any]]:
    """Return ways for which the file is open already, as in a worker that lives on."""
    import nibabel
    import torch

    from dicube_plugins.torch import PatchDataset

    current: list[Start] = [(0, 0, 0)]
    dataset = PatchDataset([forms.dcbs], patch, positions=lambda *_: current[0], cache_bytes=0)

    def ours(start: Start) -> Any:
        current[0] = start
        return dataset[0]["image"]

    def sliced(array: Any, start: Start) -> Any:
        part = array[tuple(slice(n, n + m) for n, m in zip(start, patch, strict=True))]
        values = np.ascontiguousarray(part, np.float32)
        values -= 1024 if offset else 0
        return torch.from_numpy(values)[None]

    image = nibabel.load(forms.paths[".nii"])
    offset = image.dataobj.inter != 0
    ways: dict[str, Callable[[Start], Any]] = {
        "tensor .dcbs": ours,
        "tensor .nii": partial(sliced, image.dataobj.get_unscaled()),
    }
    if offset and image.dataobj.inter != -1024:
        raise UnequalError(f"{forms.name}: another intercept than that of CT")
    for form in ("Zarr (zstd)", "Zarr (blosc)"):
        if form in forms.paths:
            import zarr

            array = zarr.open_array(str(forms.paths[form]), mode="r")
            ways[f"tensor {form}"] = partial(sliced, array)
    if "blosc2" in forms.paths:
        import blosc2

        ways["tensor blosc2"] = partial(sliced, blosc2.open(str(forms.paths["blosc2"]), mode="r"))
    return ways


def _check(
    ways: dict[str, Callable[[Start], Any]], shape: tuple[int, ...], patch: tuple[int, ...]
) -> None:
    """Compare all ways at a few places."""
    places = _Places(shape, patch)
    for _ in range(2):
        start = places.next("check")
        found = {name: np.asarray(way(start)) for name, way in ways.items()}
        first = found["tensor .dcbs"]
        for name, array in found.items():
            if array.shape != first.shape or not np.array_equal(array, first):
                raise UnequalError(f"{name}: another patch at {start}")
