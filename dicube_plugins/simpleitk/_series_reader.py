"""What the methods of ``sitk.ImageSeriesReader`` do for ``.dcbs`` files.

A script for a folder of slices asks for the series in it, for their file names, and reads these. A
``.dcbs`` file answers as a folder with one series, whose slices bear the names of its frames.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dicube_core.exceptions import (
    DataConsistencyError,
    FrameIndexError,
    MetaDataError,
)
from dicube_core.reader import Reader
from dicube_plugins.frame_names import frame_name, parse_frame_name
from dicube_plugins.insight import frame_order, itk_errors, open_volume
from dicube_plugins.insight.slice_file import SliceHeaders
from dicube_plugins.simpleitk._images import read_whole
from dicube_plugins.simpleitk._words import GDCM, SliceWords
from dicube_plugins.sniff import is_dcbs

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from dicube_plugins.insight import Volume

    Original = Callable[..., Any]

__all__ = ["METHODS", "STATIC_METHODS"]

_ATTRIBUTE = "_dcbs_slices"
_SERIES_UID = "0020000E"


def series_ids(original: Original, *args: Any, **kwargs: Any) -> tuple[str, ...]:
    """Return the one Series Instance UID of a file."""
    path: Any = args[0] if args else kwargs.get("directory")
    if not is_dcbs(path):
        found: tuple[str, ...] = original(*args, **kwargs)
        return found
    with itk_errors():
        return (_series_uid(path),)


def series_file_names(original: Original, *args: Any, **kwargs: Any) -> tuple[str, ...]:
    """Return the names of the frames in ITK's order, if it is this series that is asked for."""
    path: Any = args[0] if args else kwargs.get("directory")
    if not is_dcbs(path):
        found: tuple[str, ...] = original(*args, **kwargs)
        return found
    wanted = args[1] if len(args) > 1 else kwargs.get("seriesID", "")
    with itk_errors():
        return _slice_names(path) if wanted in ("", _series_uid(path)) else ()


def _slice_names(path: Any) -> tuple[str, ...]:
    with Reader(path) as reader:
        # Without a grid reading them ends in an error, but their names may be asked for.
        return tuple(frame_name(path, frame) for frame in frame_order(reader))


def _series_uid(path: Any) -> str:
    """Return the UID, empty where the file has none: SimpleITK takes that for "the first"."""
    with Reader(path) as reader:
        meta = reader.dicom_meta
        if meta is None or not meta.is_shared(_SERIES_UID):
            return ""
        return str(meta.get_shared_value(_SERIES_UID) or "")


def _wanted(reader: Any) -> tuple[str, list[int] | None] | None:
    """Return the file and frames to read, all frames for None; None if it is not for us."""
    names = reader.GetFileNames()
    if reader.GetImageIO() not in ("", GDCM):
        return None
    frames = [parse_frame_name(name) for name in names]
    named = [frame for frame in frames if frame is not None]
    if not named and not any(map(is_dcbs, names)):
        return None
    paths = {frame.path for frame in named}
    if len(named) == len(names) and len(paths) == 1:
        return paths.pop(), [frame.frame for frame in named]
    if len(names) == 1:
        return names[0], None
    raise DataConsistencyError(
        f"{len(names)} file names, and .dcbs files among them: such a file is a whole series and "
        "no slice",
        suggestion="read each file by itself; sitk.JoinSeries makes a 4-D image of several",
    )


def execute(original: Original, reader: Any) -> Any:
    """Read slices of one ``.dcbs`` file, or what else the names are."""
    vars(reader).pop(_ATTRIBUTE, None)
    with itk_errors():
        wanted = _wanted(reader)
        if wanted is None:
            return original(reader)
        path, frames = wanted
        with open_volume(path, frames) as volume:
            if _is_reversed(reader) and volume.grid.dimension > 2:
                volume.grid = volume.grid.reverse()
            image = read_whole(volume, reader.GetOutputPixelType())
            setattr(reader, _ATTRIBUTE, _words(volume, reader))
    return image


def _is_reversed(reader: Any) -> bool:
    """Tell whether slices are wanted the other way round, which SimpleITK 2.3 knows nothing of."""
    return hasattr(reader, "GetReverseOrder") and bool(reader.GetReverseOrder())


def _words(volume: Volume, reader: Any) -> list[SliceWords]:
    """Return the metadata of all slices in the order of the image, if it is asked for."""
    if not reader.GetMetaDataDictionaryArrayUpdate():
        return []
    headers, private = SliceHeaders(volume.reader), reader.GetLoadPrivateTags()
    return [SliceWords(headers.file(frame), private=private) for frame in volume.grid.frames]


def _getter(answer: Callable[..., Any]) -> Callable[..., Any]:
    def get(original: Original, reader: Any, *args: Any, **kwargs: Any) -> Any:
        found: list[SliceWords] | None = vars(reader).get(_ATTRIBUTE)
        if found is None:
            return original(reader, *args, **kwargs)
        with itk_errors():
            return answer(found, *args, **kwargs)

    return get


def _slice(found: Sequence[SliceWords], number: int) -> SliceWords:
    if not found:
        raise MetaDataError(
            "the metadata of the slices was not read",
            suggestion="call MetaDataDictionaryArrayUpdateOn() before Execute()",
        )
    if not 0 <= number < len(found):
        raise FrameIndexError(f"slice {number} of {len(found)}")
    return found[number]


def _keys(found: Sequence[SliceWords], slice: int) -> tuple[str, ...]:
    return tuple(_slice(found, slice).entries)


def _has_key(found: Sequence[SliceWords], slice: int, key: str) -> bool:
    return key in _slice(found, slice).entries


def _text(found: Sequence[SliceWords], slice: int, key: str) -> str:
    return _slice(found, slice).text(key)


#: Name of a method of ``ImageSeriesReader`` to what it does.
METHODS: Mapping[str, Callable[..., Any]] = {
    "Execute": execute,
    "GetMetaDataKeys": _getter(_keys),
    "HasMetaDataKey": _getter(_has_key),
    "GetMetaData": _getter(_text),
}
STATIC_METHODS: Mapping[str, Callable[..., Any]] = {
    "GetGDCMSeriesIDs": series_ids,
    "GetGDCMSeriesFileNames": series_file_names,
}
