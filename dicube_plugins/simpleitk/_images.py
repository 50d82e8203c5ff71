"""Make SimpleITK images: memory of their own, filled in place."""

from __future__ import annotations

import ctypes
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
import SimpleITK as sitk

from dicube_core.exceptions import GeometryError, UnsupportedKindError
from dicube_plugins.simpleitk._pixel_types import basic_type, pixel_id_of

if TYPE_CHECKING:
    import numpy.typing as npt

    from dicube_plugins.insight import Grid, Volume
    from dicube_plugins.simpleitk._region import Region

__all__ = ["read_region", "read_whole"]


def read_whole(volume: Volume, pixel_id: int = sitk.sitkUnknown) -> Any:
    """Return all frames as an image.

    Parameters
    ----------
    volume : Volume
        An open file.
    pixel_id : int
        Output pixel type; ``sitkUnknown`` for the type that holds every value exactly.
    """
    grid = volume.grid
    image = _image(volume, grid, (0,) * grid.dimension, pixel_id)
    return _cast(image, pixel_id, volume.reader.name)


def read_region(volume: Volume, region: Region, pixel_id: int = sitk.sitkUnknown) -> Any:
    """Return a part as an image; no frame beside it is decoded.

    Parameters
    ----------
    volume : Volume
        An open file.
    region : Region
        Which part; a size of 0 leaves the dimension out.
    pixel_id : int
        As in `read_whole`.
    """
    thick = tuple(n or 1 for n in region.size)
    image = _image(volume, volume.grid.region(region.index, thick), region.index, pixel_id)
    if 0 in region.size:
        image = _flat(image, region, volume.reader.name)
    return _cast(image, pixel_id, volume.reader.name)


def _flat(image: Any, region: Region, name: str) -> Any:
    """Leave out dimensions, as SimpleITK's own reader does it: by its filter."""
    strategy = sitk.ExtractImageFilter.DIRECTIONCOLLAPSETOSUBMATRIX
    try:
        return sitk.Extract(image, region.size, (0,) * len(region.size), strategy)
    except RuntimeError as exc:
        n = len(region.size) - region.size.count(0)
        raise GeometryError(
            f"{name}: an image of {n} dimensions, of index {region.index} and size {region.size}, "
            "would have no direction, as its axes are at right angles to the first of all",
            suggestion="use a size of 1 instead of 0, and keep the dimension",
        ) from exc


def _image(volume: Volume, grid: Grid, index: tuple[int, ...], pixel_id: int) -> Any:
    n = volume.components
    if pixel_id == sitk.sitkUnknown:
        chosen = pixel_id_of(volume.dtype, n)
    else:
        chosen = basic_type(pixel_id, n)
    samples = (n,) if n > 1 else ()
    columns, rows = grid.size[:2]
    images: list[Any] = []

    def allocated() -> npt.NDArray[Any]:
        images.append(sitk.Image(grid.size, chosen, n if n > 1 else 0))
        return _voxels(images[0]).reshape(len(grid.frames), rows, columns, *samples)

    # SimpleITK fills new images with zeros, on one thread, which takes a third as long as all the
    # decoding. It lets other threads of Python run meanwhile.
    with ThreadPoolExecutor(1, thread_name_prefix="dicube-allocate") as pool:
        volume.fill(
            grid.frames,
            pool.submit(allocated),
            rows=slice(index[1], index[1] + rows),
            columns=slice(index[0], index[0] + columns),
        )
    (image,) = images
    image.SetSpacing(grid.spacing)
    image.SetOrigin(grid.origin)
    image.SetDirection(grid.direction)
    return image


def _voxels(image: Any) -> npt.NDArray[Any]:
    """Return the memory of an image that nobody else has seen yet, to be written to.

    SimpleITK's own view is read-only, as images may share their memory. This one does not: it was
    just made. Decoding into it spares a copy of the volume. Not to be kept longer than the image.
    """
    view: npt.NDArray[Any] = sitk.GetArrayViewFromImage(image)
    memory: Any = (ctypes.c_char * view.nbytes).from_address(view.ctypes.data)
    return np.frombuffer(memory, view.dtype)


def _cast(image: Any, pixel_id: int, name: str) -> Any:
    if pixel_id in (sitk.sitkUnknown, image.GetPixelIDValue()):
        return image
    try:
        return sitk.Cast(image, pixel_id)
    except RuntimeError as exc:  # SimpleITK casts no image of four dimensions
        raise UnsupportedKindError(
            f"{name}: SimpleITK does not make {sitk.GetPixelIDValueAsString(pixel_id)} of an image "
            f"of {image.GetDimension()} dimensions",
            suggestion="read one volume by its extract size, or ask for a type of one number per "
            "voxel",
        ) from exc
