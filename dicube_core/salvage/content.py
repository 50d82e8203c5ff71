"""What a damaged file with checksums still says of its frames, from whichever copy is proven."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dicube_core.container.extension import (
    FRONT_COPY,
    KEPT_ENCODING,
    LOST_HEADERS,
    PIXEL_HEADER_KEY,
    REPAIR_RECORD,
    RESOLUTIONS,
    SOURCE_HEADER,
    WRITER,
)
from dicube_core.container.sections import parse_json
from dicube_core.dataset.find import header_values
from dicube_core.dicom.kept_encoding import KeptEncoding, parse_kept
from dicube_core.exceptions import DicomCubeError, InvalidCubeFileError
from dicube_core.frame_format import described_format
from dicube_core.geometry import Geometry
from dicube_core.pixel_header import PixelDataHeader
from dicube_core.salvage.describing import guessed_codec, made_pixel_header, values_of_slices
from dicube_core.salvage.headers import Headers, read_headers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dicube_core.dicom.headers import SliceHeader
    from dicube_core.frame_map import FrameMap
    from dicube_core.pixels import PixelFormat
    from dicube_core.salvage.frames import FoundFrames
    from dicube_core.salvage.places import Places

__all__ = ["Content", "read_content"]


@dataclass(slots=True)
class Content:
    """All that is known of the series, but its frames.

    Parameters
    ----------
    pixel_format, pixel_header, codec_name
        Of all frames.
    headers : sequence of SliceHeader or None
        Of the source instances.
    header_state : str
        ``original``, ``rebuilt`` or ``none``.
    frame_map : FrameMap or None
        Which frame is where.
    kept : tuple of KeptEncoding or None
        One per instance.
    source_header : bytes or None
        Of a source that is not DICOM.
    geometry : Geometry or None
        As stored.
    status : str
        As stored.
    follows : bool
        Whether geometry and status are to be derived from the headers, because what was stored
        is damaged.
    notes : list of str
        What else is to be known.
    """

    pixel_format: PixelFormat
    pixel_header: PixelDataHeader
    codec_name: str
    headers: Sequence[SliceHeader] | None
    header_state: str
    frame_map: FrameMap | None = None
    kept: tuple[KeptEncoding, ...] | None = None
    source_header: bytes | None = None
    geometry: Geometry | None = None
    status: str = "consistent"
    follows: bool = False
    notes: list[str] = field(default_factory=list)


def read_content(places: Places, found: FoundFrames) -> Content:
    """Read what is proven, and make again what follows from it.

    Raises
    ------
    InvalidCubeFileError
        What the stored values mean cannot be proven, so no frame can be kept.
    """
    described = _described(places)
    headers = read_headers(places, None if described is None else described[0])
    if described is None:
        described = _follow(places, found, headers)
    pixel_format, pixel_header, codec_name = described
    content = Content(
        pixel_format,
        pixel_header,
        codec_name,
        headers.instances,
        headers.state,
        headers.frame_map,
        notes=headers.notes,
    )
    content.kept = _kept(places, content)
    content.source_header = _source_header(places)
    _read_space(places, content)
    _note_others(places)
    return content


def _note_others(places: Places) -> None:
    """Take note of damage to parts that no slice depends on."""
    for tag in (WRITER, RESOLUTIONS, FRONT_COPY, REPAIR_RECORD, LOST_HEADERS):
        entry = places.entries.get(tag)
        if entry is not None and places.proven(tag) is None:
            lost = tag not in (WRITER, RESOLUTIONS, FRONT_COPY)
            outcome = "no copy of it is in the file" if lost else "written anew"
            cause = "does not match its checksum"
            places.note(tag.decode(), entry.section, cause, outcome, lost=lost)


def _described(places: Places) -> tuple[PixelFormat, PixelDataHeader, str] | None:
    """Return pixel format, pixel header and codec, None where the pixel header is damaged."""
    data = places.pixel_header()
    if data is None:
        return None
    try:
        stored = parse_json(data, f"{places.name}: pixel header")
        key = stored.pop(PIXEL_HEADER_KEY, None)
        described: dict[str, Any] = key if isinstance(key, dict) else {}
        pixel_header = PixelDataHeader.stored(stored, places.header.frame_count)
        pixel_format = described_format(described, pixel_header.PixelDtype)
    except DicomCubeError:
        return None
    codec = described.get("codec", "htj2k")
    return (pixel_format, pixel_header, codec) if codec and isinstance(codec, str) else None


def _follow(
    places: Places, found: FoundFrames, headers: Headers
) -> tuple[PixelFormat, PixelDataHeader, str]:
    """Make pixel header and description again from the headers of the slices, or the metadata."""
    made = None
    if headers.frames is not None:
        try:
            if headers.state == "original":
                values = [header_values(header) for header in headers.frames]
            else:
                values = values_of_slices(headers.merged or {}, places.header.frame_count)
            made = made_pixel_header(values, places.name)
        except DicomCubeError as exc:
            headers.notes.append(str(exc))
    codec = guessed_codec(places, found, headers)
    if made is None or not codec:
        size, where = places.source.size(), places.header.pixel_header
        state = f"cut off (the file ends at byte {size})" if where.stop > size else "damaged"
        raise InvalidCubeFileError(
            f"{places.name}: the pixel header at byte {where.offset} is {state}, and no "
            "headers or metadata are left that say what the stored values mean",
            suggestion="nothing could be saved; look for another copy",
            details={"path": places.name, "section": "pixel_header"},
        )
    places.note(
        "pixel_header",
        places.header.pixel_header,
        "does not match its checksum",
        "made again from the headers of the slices",
        lost=False,
    )
    return made[0], made[1], codec


def _kept(places: Places, content: Content) -> tuple[KeptEncoding, ...] | None:
    if content.headers is None or content.header_state != "original":
        return None  # rebuilt headers describe decoded frames alone
    data = places.proven(KEPT_ENCODING)
    if data is not None:
        try:
            return parse_kept(data, len(content.headers), f"{places.name}: kept encodings")
        except DicomCubeError as exc:
            content.notes.append(str(exc))
    entry = places.entries.get(KEPT_ENCODING)
    if entry is not None or content.codec_name.startswith("encapsulated:"):
        places.note(
            "ENCP",
            None if entry is None else entry.section,
            "does not match its checksum",
            "slices are delivered uncompressed; the compressed source files cannot be made again",
            lost=True,
        )
    return None


def _source_header(places: Places) -> bytes | None:
    data = places.proven(SOURCE_HEADER)
    entry = places.entries.get(SOURCE_HEADER)
    if data is None and entry is not None:
        cause = "does not match its checksum"
        places.note("SRCH", entry.section, cause, "no copy of it is in the file", lost=True)
    return data


def _read_space(places: Places, content: Content) -> None:
    """Read geometry and status; what is damaged follows from the headers."""
    outcome = "made again from the headers of the slices"
    lost = content.headers is None
    if lost:
        outcome = "no headers are left that it would follow from"
    for name in ("space", "dicom_status"):
        data = places.section(name)
        section = getattr(places.header, name)
        try:
            if data is None:
                raise InvalidCubeFileError("does not match its checksum")
            if name == "space" and data:
                what = f"{places.name}: space"
                content.geometry = Geometry.from_json_dict(parse_json(data, what))
                if content.geometry.shape[0] != places.header.frame_count:
                    content.geometry = None
                    raise InvalidCubeFileError("is of another number of frames")
            elif name == "dicom_status" and data:
                from dicube_core.spatial.status import DicomStatus

                content.status = DicomStatus(data.decode("ascii")).value
        except (DicomCubeError, ValueError) as exc:
            cause = exc.message if isinstance(exc, DicomCubeError) else str(exc)
            places.note(name, section, cause, outcome, lost=lost and name == "space")
            content.follows = True
