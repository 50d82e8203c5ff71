"""The sections of a repaired file: those of a series that has only the slices that are whole."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from dicube_core.container.extension import FRAME_MAP, KEPT_ENCODING, SOURCE_HEADER
from dicube_core.dataset.find import header_values
from dicube_core.dicom.agreement import require_agreement
from dicube_core.dicom.description import describe_series, merged_metadata
from dicube_core.dicom.file_meta import file_meta_for
from dicube_core.dicom.kept_encoding import KeptEncoding, pack_kept
from dicube_core.dicom.multiframe.agreement import require_instance_agreement
from dicube_core.dicom.multiframe.headers import DerivedHeaders
from dicube_core.dicom.multiframe.kinds import is_multiframe
from dicube_core.dicom.series import slice_attributes
from dicube_core.exceptions import DicomCubeError
from dicube_core.frame_map import FrameMap
from dicube_core.salvage.describing import first_window
from dicube_core.spatial.findings import assess

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dicube_core.container.writer import SeriesSections
    from dicube_core.dicom.headers import SliceHeader
    from dicube_core.geometry import Geometry
    from dicube_core.pixel_header import PixelDataHeader
    from dicube_core.salvage.content import Content

__all__ = ["contradictions", "frame_headers", "kept_sections", "separated_frames"]


@dataclass(frozen=True, slots=True)
class _Instances:
    """The source instances of a repaired file."""

    headers: list[SliceHeader]
    kept: list[KeptEncoding] | None
    frame_map: FrameMap | None
    frames: Sequence[SliceHeader]


def frame_headers(content: Content) -> Sequence[SliceHeader] | None:
    """Return one header per frame of the damaged file."""
    if content.headers is None or content.frame_map is None:
        return content.headers
    return DerivedHeaders(content.headers, content.frame_map, content.pixel_format.native_bits)


def contradictions(content: Content, frame_count: int) -> dict[int, str]:
    """Return the frames whose header describes other pixels, and how."""
    frames = frame_headers(content)
    found: dict[int, str] = {}
    if frames is None:
        return found
    for index in range(frame_count):
        try:
            require_agreement(frames[index], index, content.pixel_format, content.pixel_header)
        except DicomCubeError as exc:
            found[index] = exc.message
    frame_map = content.frame_map
    for instance in range(0 if frame_map is None else frame_map.n_instances):
        members = () if frame_map is None else frame_map.frames_of(instance)
        try:
            header = (content.headers or ())[instance]
            require_instance_agreement(header, len(members), content.pixel_format)
        except DicomCubeError as exc:
            found |= dict.fromkeys(members, exc.message)
    return found


def separated_frames(content: Content, frames: Sequence[int]) -> list[int]:
    """Return the frames that become images of their own: others of their instance are lost."""
    frame_map = content.frame_map
    if frame_map is None or content.headers is None:
        return []
    left = set(frames)
    return [
        frame
        for frame in frames
        if not left.issuperset(frame_map.frames_of(frame_map.instance(frame)))
    ]


def kept_sections(
    content: Content, frames: Sequence[int], frame_count: int, record: dict[bytes, bytes]
) -> SeriesSections:
    """Return everything of the repaired file but its frames.

    Parameters
    ----------
    frames : sequence of int
        The frames that are kept, by their numbers in the damaged file.
    frame_count : int
        Of the damaged file.
    record : dict
        Parts of the extension that say what was lost.
    """
    instances = _instances(content, frames)
    of_frames = None if instances is None else instances.frames
    geometry, status = _place(content, frames, frame_count, of_frames)
    parts: dict[bytes, bytes] = {}
    if content.source_header:
        parts[SOURCE_HEADER] = content.source_header
    if instances is not None and instances.frame_map is not None:
        parts[FRAME_MAP] = instances.frame_map.pack()
    if instances is not None and instances.kept is not None:
        parts[KEPT_ENCODING] = pack_kept(instances.kept)
    return describe_series(
        pixel_format=content.pixel_format,
        pixel_header=_pixel_header(content, frames, of_frames),
        headers=None if instances is None else instances.headers,
        merged=None if of_frames is None else merged_metadata(of_frames),
        frame_count=len(frames),
        geometry=geometry,
        dicom_status=status,
        codec_name=content.codec_name,
        extra_parts={**parts, **record},
    )


def _instances(content: Content, frames: Sequence[int]) -> _Instances | None:
    """Return whole instances as they were, and frames of others as images of their own."""
    headers, kept, frame_map = content.headers, content.kept, content.frame_map
    if headers is None:
        return None
    if frame_map is None:
        own = [headers[frame] for frame in frames]
        encodings = None if kept is None else [kept[frame] for frame in frames]
        return _Instances(own, encodings, None, own)
    rows, position, encodings = _rows(content, frame_map, headers, frames)
    if any(is_multiframe(header) for header in rows):
        pairs = [position[frame] for frame in frames]
        numbers = tuple(number for _, number in pairs)
        new_map = FrameMap(tuple(instance for instance, _ in pairs), numbers, len(rows))
        new = DerivedHeaders(rows, new_map, content.pixel_format.native_bits)
        return _Instances(rows, encodings, new_map, list(new))
    # Single images only: then headers stand in the order of the frames.
    order = [position[frame][0] for frame in frames]
    own = [rows[row] for row in order]
    return _Instances(own, None if encodings is None else [encodings[r] for r in order], None, own)


def _rows(
    content: Content,
    frame_map: FrameMap,
    headers: Sequence[SliceHeader],
    frames: Sequence[int],
) -> tuple[list[SliceHeader], dict[int, tuple[int, int]], list[KeptEncoding] | None]:
    """Return the new instances, where each frame is among them, and their encodings."""
    derived = frame_headers(content) or ()
    left, alone = set(frames), set(separated_frames(content, frames))
    rows: list[SliceHeader] = []
    sources: list[tuple[int, bool]] = []
    position: dict[int, tuple[int, int]] = {}
    for instance in range(frame_map.n_instances):
        members = frame_map.frames_of(instance)
        if left.issuperset(members):
            position |= {frame: (len(rows), number) for number, frame in enumerate(members)}
            rows.append(headers[instance])
            sources.append((instance, False))
            continue
        for frame in (member for member in members if member in alone):
            position[frame] = len(rows), 0
            own = derived[frame]
            rows.append(own if content.kept is None else _compressed(own, content.codec_name))
            sources.append((instance, True))
    if content.kept is None:
        return rows, position, None
    kept = content.kept
    return rows, position, [_single(kept[i]) if one else kept[i] for i, one in sources]


def _compressed(header: SliceHeader, codec_name: str) -> SliceHeader:
    """Return a header whose file meta information says how its frame is compressed."""
    syntax = codec_name.split(":")[1]
    named = replace(header, file_meta=file_meta_for(header, syntax), source_syntax=syntax)
    return replace(named, exact=False)


def _single(encoding: KeptEncoding) -> KeptEncoding:
    return KeptEncoding(b"", encoding.element, b"", encoding.photometric)


def _pixel_header(
    content: Content, frames: Sequence[int], headers: Sequence[SliceHeader] | None
) -> PixelDataHeader:
    """Return the pixel header with the numbers of the frames that are kept."""
    given = content.pixel_header
    changed = replace(
        given,
        RescaleSlope=_chosen(given.RescaleSlope, frames),
        RescaleIntercept=_chosen(given.RescaleIntercept, frames),
    )
    if headers is not None and frames[0] != 0:
        # The window is that of the first frame.
        changed.WindowCenter, changed.WindowWidth = first_window(headers[0])
    return changed


def _chosen(value: float | list[float], frames: Sequence[int]) -> float | list[float]:
    if not isinstance(value, list):
        return value
    own = [value[frame] for frame in frames]
    return own[0] if len(set(own)) == 1 else own


def _place(
    content: Content,
    frames: Sequence[int],
    frame_count: int,
    headers: Sequence[SliceHeader] | None,
) -> tuple[Geometry | None, str]:
    """Return the grid that the slices form which are left, never that of the others."""
    whole = len(frames) == frame_count
    if whole and not content.follows:
        return content.geometry, content.status
    if headers is None:
        return _cropped(content.geometry, frames, frame_count), content.status
    found = assess([slice_attributes(header_values(header)) for header in headers])
    if whole or content.follows:
        return found.geometry, found.status.value
    before = assess(
        [slice_attributes(header_values(header)) for header in frame_headers(content) or ()]
    )
    if before.geometry != content.geometry:
        # The file was given a grid of its own, which its headers do not say.
        return _cropped(content.geometry, frames, frame_count), found.status.value
    return found.geometry, found.status.value


def _cropped(geometry: Geometry | None, frames: Sequence[int], frame_count: int) -> Geometry | None:
    """Return the part of a grid that is left, None if frames are missing between others."""
    if geometry is None or len(frames) == frame_count:
        return geometry
    first, last = frames[0], frames[-1]
    if last - first + 1 != len(frames):
        return None
    shape = (len(frames), *geometry.shape[1:])
    return replace(geometry, shape=shape, origin=geometry.frame_position(first))
