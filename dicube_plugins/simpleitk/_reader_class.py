"""A reader class of its own, for those who change nothing in SimpleITK."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import SimpleITK as sitk

from dicube_plugins.simpleitk._file_reader import METHODS

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["DcbsImageFileReader"]


class DcbsImageFileReader(sitk.ImageFileReader):  # type: ignore[misc]
    """`sitk.ImageFileReader` that reads ``.dcbs`` files too, with all its methods.

    Works without ``dicube_plugins.install``. `ReadImageInformation` touches no frame; with
    `SetExtractIndex` and `SetExtractSize`, the frames of the region are decoded and no others.
    Indices are (x, y, z) of the image that `sitk.ImageSeriesReader` makes of the slices.

    Metadata is that of the first slice, in SimpleITK's words. Not safe for several threads; use
    one object in each.
    """


def _method(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    original = getattr(sitk.ImageFileReader, name)

    @functools.wraps(original)
    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        return function(original, self, *args, **kwargs)

    return method


for _name, _function in METHODS.items():
    setattr(DcbsImageFileReader, _name, _method(_name, _function))
