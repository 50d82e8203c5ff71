"""The headers of a damaged file: the originals, or made of the merged metadata."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dicube_core.checksum import crc32
from dicube_core.container.columns import ColumnTable
from dicube_core.container.extension import FRAME_MAP, SLICE_HEADERS, SOURCE_HEADER
from dicube_core.container.sections import decompress, parse_json
from dicube_core.dataset.find import header_values
from dicube_core.dicom.description import merged_metadata
from dicube_core.dicom.headers import HeaderTable
from dicube_core.dicom.legacy import headers_from_meta
from dicube_core.dicom.multiframe.headers import DerivedHeaders
from dicube_core.dicom.multiframe.kinds import is_multiframe, number_of_frames
from dicube_core.dicom.pixel_fields import pixel_format_of
from dicube_core.exceptions import DicomCubeError, InvalidCubeFileError
from dicube_core.frame_map import FrameMap
from dicube_core.metadata.meta import DicomMeta
from dicube_core.salvage.flipped import with_bit_restored

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dicube_core.container.layout import Section
    from dicube_core.dicom.headers import SliceHeader
    from dicube_core.pixels import PixelFormat
    from dicube_core.salvage.places import Places

__all__ = ["Headers", "read_headers"]

_UID = 0x00080018
_MISMATCH = "does not match its checksum"


@dataclass(slots=True)
class Headers:
    """Headers of the source instances, and of the frames.

    Parameters
    ----------
    instances, frames : sequence of SliceHeader or None
        The same where each instance has one frame.
    state : str
        ``original``, ``rebuilt`` or ``none``.
    frame_map : FrameMap or None
        Which frame is where.
    merged : dict or None
        The merged metadata, where it is whole.
    """

    instances: Sequence[SliceHeader] | None = None
    frames: Sequence[SliceHeader] | None = None
    state: str = "none"
    frame_map: FrameMap | None = None
    notes: list[str] = field(default_factory=list)
    merged: dict[str, Any] | None = None


def read_headers(places: Places, pixel_format: PixelFormat | None) -> Headers:
    """Return the original headers if they are proven, else those that the metadata gives.

    Parameters
    ----------
    pixel_format : PixelFormat, optional
        Where the file's description is whole.
    """
    merged = _merged(places)
    headers, whole = _originals(places, merged)
    headers.merged = merged
    if headers.state == "none" and merged is not None:
        described = pixel_format or _format_of(places, merged)
        if described is not None:
            _rebuild(places, headers, merged, described)
    _note(places, headers, merged, whole=whole)
    if headers.state == "original" and merged is not None and not _agree(headers, merged):
        outcome = "made again from the headers of the slices"
        cause = "is not what the headers of the slices say"
        places.note("dicom_meta", places.header.dicom_meta, cause, outcome, lost=False)
    return headers


def _originals(places: Places, merged: dict[str, Any] | None) -> tuple[Headers, bool]:
    """Return the original headers, and whether their checksum is right."""
    headers = Headers()
    data = places.proven(SLICE_HEADERS)
    if data is None:
        return headers if merged is None else _with_bit_restored(places, merged), False
    try:
        _read_originals(places, headers, data, merged)
    except DicomCubeError as exc:
        headers = Headers(notes=[f"the headers are not usable: {exc.message}"])
    return headers, True


def _format_of(places: Places, merged: dict[str, Any]) -> PixelFormat | None:
    """Return what the merged metadata says of the pixels, None where it does not say it."""
    from dicube_core.salvage.describing import values_of_slices

    try:
        values = values_of_slices(merged, places.header.frame_count)
        return pixel_format_of(values[0], places.name)
    except DicomCubeError:
        return None


def _with_bit_restored(places: Places, merged: dict[str, Any]) -> Headers:
    """Return the headers if one flipped bit is all that is wrong with them.

    Their checksum says so, and the merged metadata, which is proven, says the same as they do.
    """
    entry = places.entries.get(SLICE_HEADERS)
    if entry is None or not places.sound:
        return Headers()
    data = with_bit_restored(places.read(entry.section), entry.crc)
    headers = Headers()
    if data is None or len(data) != entry.section.length:
        return headers
    try:
        _read_originals(places, headers, data, merged)
    except DicomCubeError:
        return Headers()
    if not _agree(headers, merged):
        return Headers()
    outcome = "one flipped bit was put right; checksum and merged metadata prove it"
    places.note("HDRS", entry.section, _MISMATCH, outcome, lost=False)
    return headers


def _agree(headers: Headers, merged: dict[str, Any]) -> bool:
    try:
        return merged_metadata(list(headers.frames or ())) == merged
    except DicomCubeError:
        return False


def _read_originals(
    places: Places, headers: Headers, data: bytes, merged: dict[str, Any] | None
) -> None:
    what = f"{places.name}: slice headers"
    count = places.header.frame_count
    instances = HeaderTable(data, len(ColumnTable(decompress(data, what))), what)
    if not instances:
        raise InvalidCubeFileError("there are none")
    packed = places.proven(FRAME_MAP)
    several = any(is_multiframe(header) for header in instances)
    if packed is not None:
        frame_map = FrameMap.parse(packed, count, f"{places.name}: frame map")
        if frame_map.n_instances != len(instances):
            raise InvalidCubeFileError("the frame map is of other instances")
    elif several or FRAME_MAP in places.entries:
        frame_map = _frame_map(places, instances, merged)
    else:
        frame_map = None
        if len(instances) != count:
            raise InvalidCubeFileError(f"there are {len(instances)} of them for {count} frames")
    headers.instances = headers.frames = instances
    if frame_map is not None:
        bits = pixel_format_of(header_values(instances[0]), instances[0].name).native_bits
        headers.frames = DerivedHeaders(instances, frame_map, bits)
        _ = headers.frames[0]
    headers.frame_map, headers.state = frame_map, "original"


def _frame_map(places: Places, instances: HeaderTable, merged: dict[str, Any] | None) -> FrameMap:
    """Make a frame map again: the metadata says for each frame which instance it is made of."""
    entry = places.entries.get(FRAME_MAP)
    where = None if entry is None else entry.section
    if merged is None:
        raise InvalidCubeFileError("without the frame map it is not known which frame is where")
    plain = FrameMap.of_counts([number_of_frames(header) for header in instances])
    bits = pixel_format_of(header_values(instances[0]), instances[0].name).native_bits
    derived = DerivedHeaders(instances, plain, bits)
    numbers = {header_values(own).get(_UID, b"").strip(b" \0"): n for n, own in enumerate(derived)}
    meta = DicomMeta(merged, slice_count=places.header.frame_count)
    uids = [str(uid or "").encode() for uid in meta.get_values("SOPInstanceUID")]
    try:
        frame_map = plain.reordered([numbers[uid] for uid in uids])
    except KeyError:
        raise InvalidCubeFileError("the frame map cannot be made again") from None
    if len(numbers) != len(uids) or frame_map.frame_count != places.header.frame_count:
        raise InvalidCubeFileError("the frame map cannot be made again")
    if places.sound and entry is not None and crc32(frame_map.pack()) != entry.crc:
        raise InvalidCubeFileError("the frame map cannot be made again")
    outcome = "made again from headers and metadata"
    places.note("FRAM", where, _MISMATCH, outcome, lost=False)
    return frame_map


def _merged(places: Places) -> dict[str, Any] | None:
    """Return the merged metadata, None where it is damaged or not there."""
    data = places.section("dicom_meta")
    if not data:
        return None
    what = f"{places.name}: dicom_meta"
    try:
        stored = parse_json(decompress(data, what), what, finite=False)
    except DicomCubeError:
        return None
    merged = stored.get("_merged_data", stored)
    return merged if isinstance(merged, dict) else None


def _rebuild(
    places: Places, headers: Headers, merged: dict[str, Any], pixel_format: PixelFormat
) -> None:
    try:
        meta = DicomMeta(merged, slice_count=places.header.frame_count)
        headers.instances = headers.frames = headers_from_meta(meta, pixel_format)
    except DicomCubeError as exc:
        headers.notes.append(f"the merged metadata is not usable: {exc.message}")
        return
    headers.state = "rebuilt"


def _note(places: Places, headers: Headers, merged: dict[str, Any] | None, *, whole: bool) -> None:
    """Take note of what was damaged of headers and metadata, and what became of it."""
    meta = places.header.dicom_meta
    entry = places.entries.get(SLICE_HEADERS)
    where: Section | None = None if entry is None else entry.section
    if headers.state == "original":
        if merged is None:
            outcome = "made again from the headers of the slices"
            places.note("dicom_meta", meta, _MISMATCH, outcome, lost=False)
        return
    cause = headers.notes[0] if whole and headers.notes else _MISMATCH
    if headers.state == "rebuilt":
        outcome = "headers were made of the merged metadata: same elements, other bytes"
        places.note("HDRS", where, cause, outcome, lost=True)
    elif entry is not None or meta.length:
        outcome = "no copy of the headers is proven; frames are kept without DICOM metadata"
        places.note("HDRS", where, cause, outcome, lost=True)
        if meta.length and merged is None:
            places.note("dicom_meta", meta, _MISMATCH, outcome, lost=True)
    elif not places.sound and places.proven(SOURCE_HEADER) is None:
        headers.notes.append("whether the file had headers is not known")
