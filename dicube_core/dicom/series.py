"""From instances to one series: select, check, put in order."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from dicube_core.codec.frame_limit import require_within_limit
from dicube_core.dataset.find import header_values
from dicube_core.dicom.kinds import object_refusal, pixel_refusal
from dicube_core.dicom.multiframe.headers import DerivedHeaders
from dicube_core.dicom.multiframe.kinds import is_multiframe
from dicube_core.dicom.pixel_fields import PIXEL_FIELDS, pixel_format_of
from dicube_core.dicom.scan import PixelKind, SliceSource
from dicube_core.exceptions import (
    SeriesError,
    UnsupportedKindError,
)
from dicube_core.frame_map import FrameMap
from dicube_core.settings import get_limits, how_to_raise
from dicube_core.spatial.findings import GeometryReport, assess
from dicube_core.spatial.order import SortMethod, slice_order
from dicube_core.spatial.planes import SliceAttributes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dicube_core.dicom.gather import Gathered
    from dicube_core.pixels import PixelFormat

__all__ = [
    "SourceSeries",
    "build_series",
    "instance_format",
    "slice_attributes",
]

_WORDS = frozenset((*PIXEL_FIELDS, 0x00280002, 0x00280102))
#: Bytes that a compressed frame takes at least: the header of an item.
_FRAGMENT = 8


@dataclass(frozen=True, slots=True)
class SourceSeries:
    """One series of instances, its frames in their final order.

    Parameters
    ----------
    slices : tuple of SliceSource
        One per frame. A frame of a multi-frame instance has the header and values of an image
        of its own; its pixels are to be had through `FrameSources`.
    pixel_format : PixelFormat
        Shared by all frames.
    report : GeometryReport
        Geometry and every finding.
    skipped : tuple of (name, reason)
        Files that are not part of it.
    instances : tuple of SliceSource
        The sources; the same as `slices` where each has one frame.
    frame_map : FrameMap, optional
        Which frame of which instance each slice is; None where each has one frame.
    """

    slices: tuple[SliceSource, ...]
    pixel_format: PixelFormat
    report: GeometryReport
    skipped: tuple[tuple[str, str], ...]
    instances: tuple[SliceSource, ...]
    frame_map: FrameMap | None = None


def build_series(
    gathered: Gathered, sort_method: SortMethod | None = None, series_uid: str | None = None
) -> SourceSeries:
    """Make one series of what was gathered.

    Parameters
    ----------
    gathered : Gathered
        Instances and files left out.
    sort_method : SortMethod, optional
        Along the slice normal by default, see `slice_order`.
    series_uid : str, optional
        Take only this Series Instance UID.

    Raises
    ------
    SeriesError
        Several series, frame sizes or bit depths; the message lists them.
    UnsupportedKindError
        A kind of image that cannot be kept whole yet, refused by its name.
    """
    sources = list(gathered.sources)
    if series_uid is not None:
        sources = [s for s in sources if s.text(0x0020000E) == series_uid]
    _require_one_series(gathered, sources, series_uid)
    for source in sources:
        _refuse_kind(source)
    pixel_format = _common_format(sources)
    total = sum(source.frame_count for source in sources)
    _require_within_limits(f"the series of {sources[0].header.name}", pixel_format, total)
    slices, frame_map = sources, None
    if any(is_multiframe(source.header, source.frame_count) for source in sources):
        sources = _instance_order(sources)
        frame_map = FrameMap.of_counts([source.frame_count for source in sources])
        slices = _frames(sources, frame_map, pixel_format)
    attributes = [slice_attributes(source.values) for source in slices]
    names = [source.header.name for source in slices]
    order = slice_order(attributes, sort_method, names)
    report = assess([attributes[i] for i in order])
    ordered = tuple(slices[i] for i in order)
    if frame_map is None:
        return SourceSeries(ordered, pixel_format, report, gathered.skipped, ordered)
    frame_map = frame_map.reordered(order)
    return SourceSeries(ordered, pixel_format, report, gathered.skipped, tuple(sources), frame_map)


def _instance_order(sources: Sequence[SliceSource]) -> list[SliceSource]:
    """Return instances in the order in which their frames are numbered."""

    def key(source: SliceSource) -> tuple[bool, int, str, str]:
        text = source.text(0x00200013)
        known = text.removeprefix("-").isascii() and text.removeprefix("-").isdigit()
        number = int(text) if known and len(text) <= 12 else 0
        return not known, number, source.text(0x00080018), source.header.name

    return sorted(sources, key=key)


def _frames(
    sources: Sequence[SliceSource], frame_map: FrameMap, pixel_format: PixelFormat
) -> list[SliceSource]:
    """Return one source per frame, with the header and values of an image of its own."""
    headers = DerivedHeaders([s.header for s in sources], frame_map, pixel_format.native_bits)
    result = []
    for instance, header in zip(frame_map.instances, headers, strict=True):
        source = sources[instance]
        if header is source.header:
            result.append(source)
        else:
            result.append(replace(source, header=header, values=header_values(header)))
    return result


def _require_one_series(
    gathered: Gathered, sources: Sequence[SliceSource], series_uid: str | None
) -> None:
    found = Counter(_series_line(source) for source in gathered.sources)
    listing = "; ".join(f"{count} instances of {line}" for line, count in sorted(found.items()))
    if not sources:
        raise SeriesError(
            f"no instance has Series Instance UID {series_uid!r}; found: {listing}",
            suggestion="choose one of these with series_uid= (--series-uid)",
        )
    if len({source.text(0x0020000E) for source in sources}) > 1:
        raise SeriesError(
            f"several series in one place: {listing}",
            suggestion="choose one with series_uid= (--series-uid)",
        )


def _series_line(source: SliceSource) -> str:
    modality = source.text(0x00080060) or "unknown modality"
    return f"series {source.text(0x0020000E) or '(no UID)'} ({modality})"


def _refuse_kind(source: SliceSource) -> None:
    """Refuse by name what would not come back whole."""
    kind = _kind(source)
    if kind:
        raise UnsupportedKindError(
            f"{source.header.name}: {kind} cannot be kept whole by this version",
            suggestion="keep such files as DICOM",
            details={"path": source.header.name, "kind": kind},
        )


def instance_format(source: SliceSource) -> PixelFormat:
    """Return what distinguishes the instances that can share one file.

    Raises
    ------
    UnsupportedKindError
        A kind of image that cannot be kept whole; `details` names the kind.
    SeriesError
        Its pixels are not what its header says.
    """
    _refuse_kind(source)
    return _format(source)


def _kind(source: SliceSource) -> str:
    refusal = object_refusal(source)
    if refusal:
        return refusal
    return pixel_refusal(source)


def _format(source: SliceSource) -> PixelFormat:
    result = pixel_format_of(source.values, source.header.name)
    frames = source.frame_count
    _require_within_limits(source.header.name, result, frames)
    expected = -(-result.native_bits * frames // 8)
    if source.kind is not PixelKind.ENCAPSULATED and source.pixel_length != expected:
        raise SeriesError(
            f"{source.header.name}: Pixel Data holds {source.pixel_length} bytes, "
            f"{f'{frames} frames of ' if frames > 1 else ''}{result.rows}x{result.columns} at "
            f"{result.bits_allocated} bits need{'' if frames > 1 else 's'} {expected}; the file "
            "is cut or its header is wrong"
        )
    _require_frames(source, result, frames, expected)
    return result


def _require_within_limits(name: str, pixel_format: PixelFormat, frames: int) -> None:
    """Refuse larger frames, or more of them, than the limits allow."""
    require_within_limit(pixel_format, SeriesError, name)
    limit = get_limits().frame_count
    if frames > limit:
        raise SeriesError(
            f"{name}: {frames} frames, the limit frame_count is {limit}",
            suggestion=how_to_raise("frame_count"),
            details={"path": name},
        )


def _require_frames(
    source: SliceSource, pixel_format: PixelFormat, frames: int, expected: int
) -> None:
    """Refuse Pixel Data that holds more frames, or fewer, than its header says.

    What is behind the frames is padding (PS3.5 8.1.1) only as long as no frame fits in it.
    """
    name = source.header.name
    if source.kind is PixelKind.ENCAPSULATED:
        if frames > source.pixel_length // _FRAGMENT:
            raise SeriesError(
                f"{name}: NumberOfFrames is {frames}, its compressed Pixel Data of "
                f"{source.pixel_length} bytes cannot hold so many; the file is cut or its header "
                "is wrong"
            )
        return
    length = expected + len(source.header.padding)
    if length <= expected + expected % 2:
        return
    if pixel_format.is_subsampled and length >= expected // 2 * 3:
        raise SeriesError(
            f"{name}: Pixel Data holds {length} bytes, as much as of YBR_FULL or RGB; its header "
            "says YBR_FULL_422, which is wrong then"
        )
    room = 8 * length // pixel_format.native_bits
    if room > frames:
        raise SeriesError(
            f"{name}: Pixel Data holds {length} bytes, which is {room} frames; NumberOfFrames "
            f"says {frames}, which is wrong then"
        )


def _common_format(sources: Sequence[SliceSource]) -> PixelFormat:
    formats = Counter(_format(source) for source in sources)
    if len(formats) > 1:
        listing = "; ".join(
            f"{count} instances {f.rows}x{f.columns}, {f.bits_allocated}/{f.bits_stored} bits, "
            f"{'signed' if f.pixel_representation else 'unsigned'}, {f.photometric_interpretation}"
            for f, count in sorted(formats.items(), key=str)
        )
        raise SeriesError(
            f"frames of one series must be alike: {listing}",
            suggestion="convert each kind from a folder or list of its own",
        )
    return next(iter(formats))


def slice_attributes(values: dict[int, bytes]) -> SliceAttributes:
    """Return what geometry, order and status depend on."""
    return SliceAttributes.from_values(
        {
            tag: int.from_bytes(value, "little") if tag in _WORDS and len(value) == 2 else value
            for tag, value in values.items()
        }
    )
