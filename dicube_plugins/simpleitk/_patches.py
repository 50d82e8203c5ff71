"""What ``dicube_plugins.install("SimpleITK")`` changes in SimpleITK.

Methods are changed on the classes themselves, so that names imported earlier are served too.
``sitk.ReadImage`` and ``sitk.WriteImage`` are Python functions over these classes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import SimpleITK as sitk

from dicube_plugins.frame_names import parse_frame_name
from dicube_plugins.patching import Replace
from dicube_plugins.simpleitk import _file_reader, _series_reader
from dicube_plugins.simpleitk._words import GDCM
from dicube_plugins.simpleitk._writing import execute_writer
from dicube_plugins.sniff import is_dcbs

if TYPE_CHECKING:
    from collections.abc import Callable

    from dicube_plugins.patching import Patch

__all__ = ["patches"]


def patches() -> list[Patch]:
    """Return the changes."""
    changes: list[Patch] = [
        Replace(sitk.ImageFileReader, name, function)
        for name, function in _file_reader.METHODS.items()
    ]
    changes += [
        Replace(sitk.ImageSeriesReader, name, function)
        for name, function in {**_series_reader.METHODS, **_series_reader.STATIC_METHODS}.items()
    ]
    changes.append(Replace(sitk.ImageReaderBase, "GetImageIOFromFileName", _image_io))
    changes.append(Replace(sitk.ImageFileWriter, "Execute", execute_writer))
    return changes


def _image_io(original: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Name the ImageIO whose part we play: scripts set it on their reader before they read."""
    path = args[0] if args else kwargs.get("fileName")
    ours = is_dcbs(path) or parse_frame_name(path) is not None
    return GDCM if ours else original(*args, **kwargs)
