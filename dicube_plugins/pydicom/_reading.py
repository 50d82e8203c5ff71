"""Read a ``.dcbs`` file as pydicom reads a DICOM file."""

from __future__ import annotations

import os
from io import BytesIO
from typing import TYPE_CHECKING, Any

from pydicom.dataelem import DataElement
from pydicom.pixels.decoders.base import get_decoder
from pydicom.uid import HTJ2KLossless

from dicube_core.dataset import uids
from dicube_core.dataset.elements import EXPLICIT_LITTLE, element_header
from dicube_core.reader import Reader
from dicube_plugins.multiframe import whole_file
from dicube_plugins.policy import AUTO, transfer_syntax_uid
from dicube_plugins.pydicom._dataset import SeriesDataset
from dicube_plugins.pydicom._lazy import LazyPixelData, LazyPixelDataElement
from dicube_plugins.pydicom._source import path_of, source_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydicom.dataset import FileDataset

    from dicube_plugins.multiframe import InstanceFile, MultiFrameFile

    #: Tag, VR and length of the next element; true to stop in front of it.
    StopWhen = Callable[[Any, str | None, int], bool]

__all__ = ["open_series", "read_series", "syntax_or_none"]

_PIXEL_DATA = 0x7FE00010
_UNDEFINED = 0xFFFFFFFF


def syntax_or_none(name: str) -> str | None:
    """Return the UID of a transfer syntax; None for what the file itself suggests.

    Parameters
    ----------
    name : str
        A UID, a short name such as ``"explicit"``, or ``"auto"``: HTJ2K where the file's frames
        allow it and pydicom can decode it in this process, else uncompressed.

    Raises
    ------
    TransferSyntaxError
        Nothing is delivered in it.
    """
    if name != AUTO:
        return transfer_syntax_uid(name)
    return None if get_decoder(HTJ2KLossless).is_available else uids.EXPLICIT_LE


def open_series(file: Any, transfer_syntax: str = AUTO) -> MultiFrameFile | InstanceFile:
    """Open a ``.dcbs`` file as the one instance that it holds, or as one multi-frame image."""
    return whole_file(Reader(source_of(file)), syntax_or_none(transfer_syntax))


def read_series(
    read_partial: Callable[..., FileDataset],
    file: Any,
    stop_when: StopWhen | None = None,
    *,
    force: bool = False,
    specific_tags: list[Any] | None = None,
    transfer_syntax: str = AUTO,
    lazy: bool = True,
) -> SeriesDataset:
    """Read a ``.dcbs`` file as the data set of its one instance, or as one multi-frame data set.

    Parameters
    ----------
    read_partial : callable
        pydicom's own function, which parses the header.
    file : path or binary file
        What the caller gave; `FileDataset.filename` and the like are taken from it.
    stop_when, force, specific_tags
        As `pydicom.filereader.read_partial`.
    transfer_syntax : str
        As `syntax_or_none`.
    lazy : bool
        Leave the pixels in the file until they are needed.
    """
    image = open_series(file, transfer_syntax)
    path = path_of(file)
    # The process may have changed its folder when the path is needed again.
    source = None if path is None else os.path.abspath(path)  # noqa: PTH100 - keeps links
    pixels = LazyPixelData(image.pixel_data(), source)
    length = _UNDEFINED if image.encapsulated else len(pixels)
    # Pixel Data of no length stand for the real ones, so that pydicom itself decides whether
    # they are wanted. The header is in memory: nothing of it is to be read later by its position
    # in a file, where other bytes stand.
    tag = image.pixel_tag
    place = element_header(tag, image.pixel_data_vr.encode(), 0, EXPLICIT_LITTLE)
    stop = None if stop_when is None else _with_length(stop_when, tag, length)
    header = BytesIO(image.head() + place + image.tail())
    read = read_partial(header, stop, None, force, specific_tags)
    made = SeriesDataset(file, read, read.preamble, read.file_meta, False, True)
    made.set_original_encoding(False, True, read.original_character_set)
    if tag in made:
        made[tag] = _element(image, pixels, lazy=lazy)
    return made


def _element(
    image: MultiFrameFile | InstanceFile, pixels: LazyPixelData, *, lazy: bool
) -> DataElement:
    if lazy and image.pixel_tag == _PIXEL_DATA:
        vr = image.pixel_data_vr
        return LazyPixelDataElement(vr, pixels, encapsulated=image.encapsulated)
    # pydicom takes no file for Float Pixel Data.
    element = DataElement(image.pixel_tag, image.pixel_data_vr, pixels.read())
    element.is_undefined_length = image.encapsulated
    return element


def _with_length(stop_when: StopWhen, pixel_tag: int, length: int) -> StopWhen:
    """Return the condition as it is asked with the true length of Pixel Data."""

    def stop(tag: Any, vr: str | None, found: int) -> bool:
        return stop_when(tag, vr, length if tag == pixel_tag else found)

    return stop
