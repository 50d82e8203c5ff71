"""What ``dicube_plugins.install("itk")`` changes in itk: its functions `imread` and `imwrite`.

Who took one of them by name before keeps the old one, as there is no class beneath them that could
be changed.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import itk
import itk.support.extras

from dicube_core.exceptions import DataConsistencyError, UnsupportedKindError
from dicube_core.reader import Reader
from dicube_plugins.insight import itk_errors
from dicube_plugins.itk._functions import imread, imwrite
from dicube_plugins.patching import Replace
from dicube_plugins.sniff import is_dcbs

if TYPE_CHECKING:
    from collections.abc import Callable

    from dicube_plugins.patching import Patch

__all__ = ["patches"]

_ENDING = ".dcbs"
_SERIES_UID = "0020000E"


def patches() -> list[Patch]:
    """Return the changes, in both places where itk has the functions."""
    return [
        Replace(owner, name, function)
        for owner in (itk, itk.support.extras)
        for name, function in (("imread", _imread), ("imwrite", _imwrite))
    ]


def _imread(
    original: Callable[..., Any],
    filename: Any,
    pixel_type: Any = None,
    fallback_only: bool = False,
    imageio: Any = None,
    *args: Any,
    **kwargs: Any,
) -> Any:
    """Read a ``.dcbs`` file, or a list with one; all else is left to itk."""
    several = isinstance(filename, list | tuple)
    names = list(filename) if several else [filename]
    ours = any(map(is_dcbs, names)) and (imageio is None or "GDCM" in type(imageio).__name__)
    if not ours or (fallback_only and pixel_type is None):  # itk says what is wrong with that
        return original(filename, pixel_type, fallback_only, imageio, *args, **kwargs)
    with itk_errors():
        if len(names) > 1:
            raise DataConsistencyError(
                f"{len(names)} file names, and .dcbs files among them: such a file is a whole "
                "series and no slice",
                suggestion="read each file by itself",
            )
        _require_series(names[0], args[0] if args else kwargs.get("series_uid"))
    if fallback_only:
        with suppress(UnsupportedKindError):
            return imread(names[0])
    return imread(names[0], pixel_type)


def _require_series(path: Any, wanted: int | str | None) -> None:
    """Refuse a series that the file does not hold, as itk does for folders."""
    if wanted is None or wanted in (0, -1):
        return
    with Reader(path) as reader:
        meta = reader.dicom_meta
        uid = meta.get_shared_value(_SERIES_UID) if meta is not None else None
    if wanted != uid:
        raise OSError(f"{path} does not contain the DICOM series {wanted}, but {uid}")


def _imwrite(
    original: Callable[..., Any],
    image_or_filter: Any,
    filename: Any,
    compression: bool = False,
    imageio: Any = None,
) -> None:
    """Write a file whose name ends in .dcbs, which is compressed always."""
    if imageio is not None or not os.fspath(filename).lower().endswith(_ENDING):
        original(image_or_filter, filename, compression, imageio)
        return
    imwrite(image_or_filter, filename)
