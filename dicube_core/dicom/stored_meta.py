"""The metadata of a file as one object, parsed when it is first asked for."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from dicube_core.container.extension import FRAME_MAP, SLICE_HEADERS
from dicube_core.dicom.description import merged_metadata
from dicube_core.dicom.headers import HeaderTable
from dicube_core.dicom.legacy import repair_pixel_description
from dicube_core.dicom.multiframe.headers import frame_names
from dicube_core.error_places import errors_name
from dicube_core.frame_map import FrameMap
from dicube_core.metadata.merge import repair_legacy
from dicube_core.metadata.meta import DicomMeta

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dicube_core.container.reader import Container
    from dicube_core.dicom.headers import SliceHeader
    from dicube_core.pixel_header import PixelDataHeader
    from dicube_core.pixels import PixelFormat

__all__ = ["meta_of_headers", "stored_meta"]


def stored_meta(
    container: Container, pixel_header: PixelDataHeader, pixel_format: Callable[[], PixelFormat]
) -> DicomMeta | None:
    """Return the merged metadata of all slices, None where the file has none.

    Its bytes are read and compared with their checksum now. Metadata of another writer is parsed
    now, too, and mended (``docs/format.md``, quirks), for which `pixel_format` is called.
    """
    load = container.metadata_loader()
    if load is None:
        return None
    count, packed = container.frame_count, container.part(SLICE_HEADERS)
    if packed is None:
        with errors_name(container.name):
            merged = repair_legacy(_entries(load), count)
            mended = repair_pixel_description(merged, pixel_format(), pixel_header)
            return DicomMeta(mended, slice_count=count)
    meta = DicomMeta.lazy(partial(_entries, load), count, place=container.name)
    frames = container.part(FRAME_MAP)
    meta.load_filenames_late(partial(_source_names, packed, frames, count, container.name))
    return meta


def meta_of_headers(headers: Sequence[SliceHeader], name: str) -> DicomMeta:
    """Return the metadata of a file that has headers and no merged metadata.

    What a writer left out can be made again, and without it a copy of the series would lose
    the headers, too.
    """
    meta = DicomMeta.lazy(lambda: merged_metadata(list(headers)), len(headers), place=name)
    meta.load_filenames_late(lambda: [header.name for header in headers])
    return meta


def _entries(load: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    stored = load()
    entries: dict[str, Any] = stored.get("_merged_data", stored)
    return entries


def _source_names(packed: bytes, frames: bytes | None, frame_count: int, name: str) -> list[str]:
    what = f"{name}: slice headers"
    if frames is None:
        return [header.name for header in HeaderTable(packed, frame_count, what)]
    frame_map = FrameMap.parse(frames, frame_count, f"{name}: frame map")
    return frame_names(HeaderTable(packed, frame_map.n_instances, what), frame_map)
