"""What the methods of ``sitk.ImageFileReader`` do for ``.dcbs`` files.

Each function gets the original method, the reader object and the arguments. The object keeps what
was set on it itself; the file is looked at when it is read, and getters answer for what was read
last.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dicube_plugins.frame_names import parse_frame_name
from dicube_plugins.insight import itk_errors, open_volume
from dicube_plugins.simpleitk._information import Information, forget, information, remember
from dicube_plugins.simpleitk._reading import read
from dicube_plugins.simpleitk._words import GDCM
from dicube_plugins.sniff import is_dcbs

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Original = Callable[..., Any]

__all__ = ["METHODS"]


def _is_ours(reader: Any) -> bool:
    """Tell whether to read the file: unless another ImageIO than that for slices is asked for."""
    name = reader.GetFileName()
    if reader.GetImageIO() not in ("", GDCM):
        return False
    return is_dcbs(name) or parse_frame_name(name) is not None


def read_information(original: Original, reader: Any) -> None:
    """Read what the getters give; no frame is touched."""
    forget(reader)
    if not _is_ours(reader):
        original(reader)
        return
    with itk_errors(), open_volume(reader.GetFileName()) as volume:
        remember(reader, Information.of(volume, private=reader.GetLoadPrivateTags()))


def execute(original: Original, reader: Any) -> Any:
    """Read the image, or the part of it that was asked for."""
    forget(reader)
    if not _is_ours(reader):
        return original(reader)
    with itk_errors():
        image, found = read(
            reader.GetFileName(),
            reader.GetOutputPixelType(),
            size=reader.GetExtractSize(),
            index=reader.GetExtractIndex(),
            private=reader.GetLoadPrivateTags(),
        )
    remember(reader, found)
    return image


def _getter(answer: Callable[..., Any]) -> Callable[..., Any]:
    def get(original: Original, reader: Any, *args: Any, **kwargs: Any) -> Any:
        found = information(reader)
        if found is None:
            return original(reader, *args, **kwargs)
        with itk_errors():
            return answer(found, *args, **kwargs)

    return get


#: Name of a method of ``ImageFileReader`` to what it does.
METHODS: Mapping[str, Callable[..., Any]] = {
    "ReadImageInformation": read_information,
    "Execute": execute,
    "GetSize": _getter(lambda found: found.grid.size),
    "GetDimension": _getter(lambda found: found.grid.dimension),
    "GetSpacing": _getter(lambda found: found.grid.spacing),
    "GetOrigin": _getter(lambda found: found.grid.origin),
    "GetDirection": _getter(lambda found: found.grid.direction),
    "GetPixelID": _getter(lambda found: found.pixel_id),
    "GetPixelIDValue": _getter(lambda found: found.pixel_id),
    "GetNumberOfComponents": _getter(lambda found: found.components),
    "GetMetaDataKeys": _getter(lambda found: tuple(found.words.entries)),
    "HasMetaDataKey": _getter(lambda found, key: key in found.words.entries),
    "GetMetaData": _getter(lambda found, key: found.words.text(key)),
}
