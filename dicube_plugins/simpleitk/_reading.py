"""Read a file, or a part of it, as an image with its metadata."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import SimpleITK as sitk

from dicube_plugins.insight import open_volume
from dicube_plugins.insight.series_elements import unicode_texts
from dicube_plugins.simpleitk._images import read_region, read_whole
from dicube_plugins.simpleitk._information import Information
from dicube_plugins.simpleitk._region import region_of

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

__all__ = ["read"]


def read(
    path: str | os.PathLike[str],
    pixel_id: int = sitk.sitkUnknown,
    *,
    size: Sequence[int] = (),
    index: Sequence[int] = (),
    private: bool = False,
) -> tuple[Any, Information]:
    """Read a ``.dcbs`` file.

    Parameters
    ----------
    path : path-like
        The file, of any name.
    pixel_id : int
        Output pixel type; ``sitkUnknown`` for the type that holds every value exactly.
    size, index : sequence of int
        See `region_of`. Without a size the whole file is read and the index ignored, as SimpleITK
        does.
    private : bool
        Whether the metadata is to have private elements.

    Returns
    -------
    tuple of (sitk.Image, Information)
    """
    # SimpleITK reads the header beside our decoding; for a few slices it takes as long.
    with ThreadPoolExecutor(1, "dicube-header") as pool, open_volume(path) as volume:
        found = Information.of(volume, private=private)
        waiting = pool.submit(lambda: unicode_texts(found.words.entries))
        if size:
            region = region_of(size, index, volume.grid, volume.reader.name)
            image = read_region(volume, region, pixel_id)
        else:
            image = read_whole(volume, pixel_id)
        entries = waiting.result()
    for key, text in entries.items():
        image.SetMetaData(key, text)
    return image, found
