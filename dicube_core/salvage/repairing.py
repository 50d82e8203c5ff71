"""`repair`: write what is whole of a damaged file to a new one, and say what is not."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from dicube_core.atomic import is_same_file, write_copy
from dicube_core.checksum import crc32
from dicube_core.codec.registry import get_codec
from dicube_core.codec.resolutions import proven_ends
from dicube_core.container.extension import LOST_HEADERS, REPAIR_RECORD, RESOLUTIONS
from dicube_core.container.writer import ContainerWriter
from dicube_core.dicom.headers import pack_headers
from dicube_core.exceptions import (
    CodecUnavailableError,
    DataConsistencyError,
    DicomCubeError,
    InvalidCubeFileError,
)
from dicube_core.reader import Reader
from dicube_core.repair_record import RepairRecord
from dicube_core.salvage.assembling import contradictions, kept_sections, separated_frames
from dicube_core.salvage.content import read_content
from dicube_core.salvage.decoding import undecodable
from dicube_core.salvage.earlier import header_table, read_earlier
from dicube_core.salvage.frames import find_frames
from dicube_core.salvage.losses import losses
from dicube_core.salvage.places import find_places
from dicube_core.salvage.plain import read_plain
from dicube_core.salvage.report import RepairReport
from dicube_core.saving import PROGRESSIVE_LEVELS
from dicube_core.source import open_source
from dicube_core.verify import VerifyReport, check_sections

if TYPE_CHECKING:
    from collections.abc import Callable

    from dicube_core.codec.base import FrameCodec
    from dicube_core.container.layout import Section
    from dicube_core.container.writer import SeriesSections
    from dicube_core.dicom.headers import HeaderTable, SliceHeader
    from dicube_core.salvage.content import Content
    from dicube_core.salvage.frames import FoundFrames
    from dicube_core.salvage.places import Places
    from dicube_core.source import ByteSource

__all__ = ["lost_headers", "repair"]


def repair(
    source: str | os.PathLike[str] | bytes | ByteSource,
    target: str | os.PathLike[str],
    *,
    progress: Callable[[int, int], None] | None = None,
) -> RepairReport:
    """Write every undamaged frame of a damaged file, with its header, to a new file.

    Of a file with checksums, only what a checksum proves is kept: a frame under its own number,
    a header byte for byte. What has a second copy in the file is made again. No pixel is made up
    or put in the place of a lost one: the new file has fewer slices, its geometry is that of
    those, and it keeps a record of the others (`Reader.repaired`). The damaged file is only read.

    Parameters
    ----------
    source : path, bytes or ByteSource
        The damaged file.
    target : path-like
        The new file, replaced as a whole or not at all; never the damaged one.
    progress : callable, optional
        Called with (frames decoded, frames in all).

    Returns
    -------
    RepairReport
        What was kept and lost. A file without damage is copied.

    Raises
    ------
    InvalidCubeFileError
        Nothing could be saved; the message says why. Nothing is written then.
    DataConsistencyError
        `target` is the damaged file, by whatever name.
    CodecUnavailableError
        A file without checksums is in a codec that is not installed.
    OSError
        One of the files cannot be opened.
    """
    if isinstance(source, str | os.PathLike):
        _require_other(Path(source), Path(target))
    opened = open_source(source)
    try:
        return _repair(opened, Path(target), progress)
    finally:
        close = getattr(opened, "close", None)
        if close is not None and opened is not source:
            close()


def _require_other(source: Path, target: Path) -> None:
    if is_same_file(target, source):
        raise DataConsistencyError(
            f"{target}: it is the damaged file, which is never written to",
            suggestion="give another name",
        )


def _repair(
    source: ByteSource, target: Path, progress: Callable[[int, int], None] | None
) -> RepairReport:
    name = str(getattr(source, "name", "<source>"))
    places = find_places(source, name)
    if places.checked:
        found = find_frames(places)
        content = read_content(places, found)
    else:
        content, found = read_plain(places)
    count = len(found.places)
    usable = [frame for frame, place in enumerate(found.places) if place is not None]
    found.causes |= undecodable(places, found, content, usable, progress)
    for frame, cause in contradictions(content, count).items():
        found.causes.setdefault(frame, f"header and frame contradict each other: {cause}")
    kept = [frame for frame in range(count) if frame not in found.causes]
    lost, headers = losses(content, found)
    earlier = read_earlier(places, count)
    refusal = "" if lost or places.damaged else _refusal(source)
    if refusal:
        places.note("file", None, refusal, "sections were written anew", lost=False)
    record = RepairRecord(
        count,
        places.checked,
        content.header_state,
        tuple(kept),
        tuple(separated_frames(content, kept)),
        tuple(lost),
        tuple(places.damaged),
        (*content.notes, *earlier.notes()),
        earlier.lost(len(headers)),
    )
    unknown = tuple((place.offset, place.length) for place in found.unknown)
    report = RepairReport(name, target, record, unknown)
    if not lost and not places.damaged:
        write_copy(source, target)
        return replace(report, copied=True)
    if not kept:
        raise InvalidCubeFileError(
            f"{name}: none of its {count} frames could be saved: {_first(found)}",
            suggestion="look for another copy",
            details={"path": name, "found": len(unknown)},
        )
    parts = _parts(places, record, [*headers, *earlier.headers])
    sections = kept_sections(content, kept, count, parts)
    _write(places, found, _Resolutions(places, content), kept, sections=sections, target=target)
    return report


def _first(found: FoundFrames) -> str:
    if not found.causes:
        return "the file has none"
    frame = min(found.causes)
    return f"frame {frame}: {found.causes[frame]}"


def _parts(places: Places, record: RepairRecord, headers: list[SliceHeader]) -> dict[bytes, bytes]:
    """Return the parts that say what was lost; those of an earlier repair if that is all."""
    if not record.anything_lost and places.checked:
        earlier = {tag: places.proven(tag) for tag in (REPAIR_RECORD, LOST_HEADERS)}
        return {tag: part for tag, part in earlier.items() if part}
    parts = {REPAIR_RECORD: record.pack()}
    if headers:
        parts[LOST_HEADERS] = pack_headers(headers)
    return parts


class _Resolutions:
    """Finds anew where the resolutions of frames end, if the damaged file said so.

    The frames are proven, and what its table said of them follows from them.
    """

    def __init__(self, places: Places, content: Content) -> None:
        self._format = content.pixel_format
        self._codec: FrameCodec | None = None
        if RESOLUTIONS in places.entries:
            with suppress(CodecUnavailableError):
                self._codec = get_codec(content.codec_name)
        self.levels = 0 if self._codec is None else PROGRESSIVE_LEVELS

    def ends(self, codestream: bytes) -> tuple[int, ...]:
        """Return where they end in one."""
        return () if self._codec is None else proven_ends(codestream, self._codec, self._format)


def _write(
    places: Places,
    found: FoundFrames,
    resolutions: _Resolutions,
    kept: list[int],
    *,
    sections: SeriesSections,
    target: Path,
) -> None:
    with ContainerWriter(target, sections, len(kept), levels=resolutions.levels) as writer:
        for frame in kept:
            place: Section | None = found.places[frame]
            data = b"" if place is None else places.read(place)
            if place is None or crc32(data) != found.crcs[frame]:
                raise InvalidCubeFileError(
                    f"{places.name}: frame {frame} has changed while it was repaired",
                    suggestion="try again when nobody writes to the file",
                    details={"path": places.name, "frame": frame},
                )
            writer.append(data, resolutions.ends(data))
        writer.commit(lambda file: _inspect(file, str(target)))


def _inspect(file: BinaryIO, name: str) -> None:
    """Refuse a new file that the strict reader would not take as it is."""
    report = VerifyReport(name)
    with Reader(file) as reader:
        check_sections(reader, report)
    if report.failures:
        raise DataConsistencyError(
            f"{name}: what is left of the file contradicts itself: {report.failures[0]}",
            suggestion="nothing was written; look for another copy",
        )


def _refusal(source: ByteSource) -> str:
    """Return why the strict reader would not take a file that nothing is wrong with, if so."""
    report = VerifyReport("")
    try:
        with Reader(source) as reader:
            check_sections(reader, report)
            if not report.failures and reader.container.resolutions is not None:
                for index in range(reader.frame_count):
                    reader.check_resolutions(index, reader.codestream(index))
    except DicomCubeError as exc:
        return exc.message
    return report.failures[0] if report.failures else ""


def lost_headers(reader: Reader) -> HeaderTable | None:
    """Return the headers of lost slices that a repaired file keeps, None where it has none.

    `LostFrame.header` is the row of a frame.
    """
    data = reader.container.part(LOST_HEADERS)
    record = reader.repaired
    if data is None or record is None:
        return None
    return header_table(data, f"{reader.name}: headers of lost slices")
