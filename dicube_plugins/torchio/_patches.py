"""What ``dicube_plugins.install("torchio")`` changes in TorchIO."""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING, Any

import torchio

from dicube_core.exceptions import DataConsistencyError, DicomCubeError, FrameIndexError
from dicube_plugins.patching import Call, Replace
from dicube_plugins.sniff import is_dcbs
from dicube_plugins.torchio._reader import DcbsReader
from dicube_plugins.volume.urls import ends_as_ours

if TYPE_CHECKING:
    from collections.abc import Callable

    from dicube_plugins.patching import Patch

__all__ = ["patches"]

_READER = DcbsReader()
_BACKEND = "dcbs"


def patches() -> list[Patch]:
    """Return the changes.

    In TorchIO 1, the functions beneath an image that has no reader of its own: reading, shape and
    affine, and cropping, on which all samplers build. In TorchIO 2, an entry of its backends.
    """
    if hasattr(torchio.data, "register_backend"):
        return [_backend()]
    from torchio.data import image, io
    from torchio.transforms import Crop

    default = partial(_load, image.read_image)
    found: list[Patch] = [
        Replace(io, "_read_sitk", _read),
        Replace(image.Image, "read_and_check", default),
    ]
    found += [
        Replace(owner, name, function)
        for owner in (io, image)
        for name, function in (("read_shape", _shape), ("read_affine", _affine))
        if hasattr(owner, name)
    ]
    if hasattr(Crop, "_crop_image"):  # before that, images are loaded to be cropped
        found.append(Replace(Crop, "_crop_image", partial(_crop, image.read_image)))
    return found


def _backend() -> Patch:
    return Call(
        "torchio.data.backends: dcbs registered",
        lambda: torchio.data.register_backend(_BACKEND, _is_request, _READER.create_backend),
        lambda: torchio.data.unregister_backend(_BACKEND),
    )


def _is_request(request: Any) -> bool:
    """Tell whether TorchIO 2 asks for a file of ours, by no other reader."""
    own = request.reader is not None and hasattr(request.reader, "create_backend")
    return request.path is not None and not own and _is_ours(request.path)


def _is_ours(path: Any) -> bool:
    return ends_as_ours(path) or is_dcbs(path)


def _read(original: Callable[..., Any], path: Any) -> Any:
    """Read for those who call TorchIO's function themselves."""
    if not _is_ours(path):
        return original(path)
    try:
        return _READER(path)
    except RuntimeError as exc:
        # TorchIO would try nibabel, and say nothing but that it knows no such files.
        raise DicomCubeError(str(exc)) from exc


def _load(default_reader: Any, original: Callable[..., Any], image: Any, path: Any) -> Any:
    """Read for an image that has no reader of its own, with errors as they are."""
    if image.reader is not default_reader or not _is_ours(path):
        return original(image, path)
    # A copy made by TorchIO would look for the path; another thread may use the image itself.
    other = image.__class__.__new__(image.__class__)
    other.__dict__.update(image.__dict__, reader=_READER)
    return original(other, path)


def _shape(original: Callable[..., Any], path: Any) -> Any:
    return _READER.shape(_READER.volume(path)) if _is_ours(path) else original(path)


def _affine(original: Callable[..., Any], path: Any) -> Any:
    return _READER.volume(path).affine.copy() if _is_ours(path) else original(path)


def _crop(
    default_reader: Any,
    original: Callable[..., Any],
    image: Any,
    index_ini: Any,
    index_fin: Any,
    *args: Any,
    **kwargs: Any,
) -> Any:
    """Crop an image that is not loaded by decoding what is left of it."""
    reader = _READER if image.reader is default_reader else image.reader
    lazy = (
        image.get(torchio.DATA) is None  # `get` does not load
        and isinstance(reader, DcbsReader)
        and isinstance(image.path, os.PathLike)
        and _is_ours(image.path)
    )
    if not lazy:
        return original(image, index_ini, index_fin, *args, **kwargs)
    start = [int(n) for n in index_ini]
    size = [int(n) - first for n, first in zip(index_fin, start, strict=True)]
    volume = reader.volume(image.path)
    try:
        tensor, affine = reader.tensor(volume, start, size), volume.affine_at(start)
    except FrameIndexError as exc:
        # As an IndexError it would end a loop over a sampler as if all patches had come.
        raise DataConsistencyError(
            exc.message, suggestion="the crop is too large, or the file was replaced meanwhile"
        ) from exc
    if kwargs.get("copy_patch", args[0] if args else True):
        path = image.path if os.path.exists(image.path) else None  # noqa: PTH110 - else an URL
        return type(image)(tensor=tensor, affine=affine, type=image.type, path=path)
    image.set_data(tensor)
    image.affine = affine
    return image
