"""Edit the metadata of a file, or de-identify it; frames are copied as the bytes they are."""

from __future__ import annotations

import json
import secrets
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dicube_core.atomic import is_same_file
from dicube_core.container.extension import FRAME_MAP, KEPT_ENCODING, SOURCE_HEADER
from dicube_core.container.writer import ContainerWriter
from dicube_core.dataset._text import UTF8
from dicube_core.dicom.agreement import require_agreement
from dicube_core.dicom.description import describe_series, merged_metadata
from dicube_core.dicom.edited import edited_headers, with_file_meta_twins
from dicube_core.editing.audit import AuditTrail, EditReport
from dicube_core.editing.deidentified_marks import MARKS
from dicube_core.editing.derived import derived_geometry, derived_pixel_header
from dicube_core.editing.hidden_edits import hidden_edits
from dicube_core.editing.leak_check import check_file, stored_headers
from dicube_core.editing.leaves import Change, Leaf, changes, place_text
from dicube_core.editing.paths import ElementPath
from dicube_core.editing.profile import Action, Deidentification, action_of
from dicube_core.editing.removed_values import RemovedValues
from dicube_core.editing.rewrite import rewrite
from dicube_core.editing.user_edits import UserEdits, parse_edits
from dicube_core.error_places import errors_name
from dicube_core.exceptions import (
    DataConsistencyError,
    MetaDataError,
    UnsupportedKindError,
)
from dicube_core.reader import Reader

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Mapping, Sequence
    from typing import BinaryIO

    from dicube_core.container.writer import SeriesSections
    from dicube_core.dicom.headers import SliceHeader

__all__ = ["edit"]


def edit(
    path: str | os.PathLike[str],
    out: str | os.PathLike[str] | None = None,
    *,
    set: Mapping[Any, Any] | None = None,
    delete: Sequence[Any] = (),
    per_slice: Mapping[Any, Sequence[Any]] | None = None,
    delete_private: bool = False,
    deidentify: Deidentification | None = None,
    in_place: bool = False,
    check: bool | None = None,
    accept_found: Sequence[Any] = (),
    show_values: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> EditReport:
    """Write a copy of a file with other metadata, whose frames are the same bytes.

    Elements that are not edited keep their bytes. All other sections (merged metadata, geometry,
    status) are derived anew from the edited headers. Nothing is decoded, and no more than a frame
    is in memory at once.

    Parameters
    ----------
    path : path-like
        The file; one of dicube 0.3.0 gets headers made from its merged metadata.
    out : path-like, optional
        The new file, replaced as a whole or not at all.
    set : mapping, optional
        Path of an element -> value. A path is a keyword, a tag, or ``Sequence[0].Keyword`` and
        so on (``docs/editing.md``); ``**.Keyword`` means the element wherever it is. An element
        that is not there is added, but by ``**``.
    delete : sequence, optional
        Paths of elements to remove.
    per_slice : mapping, optional
        Path -> one value for each slice, None to remove the element from it.
    delete_private : bool
        Remove all private elements, at every depth.
    deidentify : Deidentification, optional
        Apply the Basic Profile of PS3.15 annex E first; what `set` says is on top of it.
    in_place : bool
        Replace `path` itself; `out` is not given then.
    check : bool, optional
        Search every byte of the new file for the values that were removed, before it appears.
        By default after a de-identification.
    accept_found : sequence, optional
        Paths of elements that may say what was removed elsewhere.
    show_values : bool
        Put old and new values into the report.
    progress : callable, optional
        Called with (frames copied, frames in all).

    Returns
    -------
    EditReport
        What changed.

    Raises
    ------
    MetaDataError
        A path names no element, or a value does not fit it.
    DataConsistencyError
        The edit would contradict the pixels.
    UnsupportedKindError
        The file has no metadata to edit, or burned-in annotations.
    VerificationError
        A removed value is still in the new file; nothing was written.
    MissingDependencyError
        The table of the profile is not installed.
    InvalidCubeFileError, DecodeError
        The file is damaged.
    """
    if in_place == (out is not None):
        raise DataConsistencyError(
            "give either the path of the new file or in_place=True",
            suggestion="--in-place replaces the file itself",
        )
    source = Path(path)
    target = source if out is None else Path(out)
    if not in_place and is_same_file(target, source):
        raise DataConsistencyError(
            f"{target}: it is the file that is read", suggestion="--in-place replaces it"
        )
    accepted = [ElementPath.parse(given) for given in accept_found]
    with Reader(source) as reader, errors_name(reader.name):
        work = _Work(reader, deidentify, AuditTrail(_reasons(deidentify), show_values=show_values))
        old = _headers(reader)
        edits = parse_edits(set, delete, per_slice, len(old or ()), delete_private=delete_private)
        sections = work.sections(old, edits)
        searched = deidentify is not None if check is None else check
        found = None

        def inspect(file: BinaryIO) -> None:
            nonlocal found
            found = check_file(
                file,
                str(target),
                work.removed.wanted(),
                not_sought=work.removed.not_sought,
                accepted=lambda place: any(_means(path, place) for path in accepted),
                action=_actions(deidentify),
            )

        _copy(reader, target, sections, inspect if searched else None, progress)
    return EditReport(
        source,
        target,
        reader.frame_count,
        len(old or ()),
        work.trail.entries(),
        tuple(work.warnings),
        edits.unmatched(),
        deidentify,
        found,
    )


def _headers(reader: Reader) -> Sequence[SliceHeader] | None:
    """Return one header per source instance, None where the file has no DICOM metadata."""
    stored: Sequence[SliceHeader] | None = stored_headers(reader)
    if stored is not None:
        return stored
    if reader.dicom_meta is None:
        return None
    from dicube_core.dicom.legacy import headers_from_meta

    return headers_from_meta(reader.dicom_meta, reader.pixel_format)


def _of_frames(reader: Reader, headers: Sequence[SliceHeader]) -> Sequence[SliceHeader]:
    """Return one header per frame; those of instances of several frames are derived."""
    frame_map = reader.frame_map
    if frame_map is None:
        return headers
    from dicube_core.dicom.multiframe.agreement import require_instance_agreement
    from dicube_core.dicom.multiframe.headers import DerivedHeaders

    for instance, header in enumerate(headers):
        count = len(frame_map.frames_of(instance))
        require_instance_agreement(header, count, reader.pixel_format)
    return DerivedHeaders(headers, frame_map, reader.pixel_format.native_bits)


class _Work:
    """Makes the sections of the new file, and takes note of what changed."""

    def __init__(self, reader: Reader, profile: Deidentification | None, trail: AuditTrail) -> None:
        self.reader, self.profile, self.trail = reader, profile, trail
        self.removed = RemovedValues()
        self.warnings: list[str] = []

    def sections(self, old: Sequence[SliceHeader] | None, edits: UserEdits) -> SeriesSections:
        """Return everything of the new file but its frames."""
        reader, profile = self.reader, self.profile
        if old is None:
            return self._without_metadata(edits)
        new = self._edited(list(old), edits)
        frames_old, frames_new = list(_of_frames(reader, old)), list(_of_frames(reader, new))
        if reader.frame_map is not None:
            self.warnings += hidden_edits(
                edits.simple, (old, new), (frames_old, frames_new), reader.frame_map
            )
        keep = profile is None
        pixel_header = derived_pixel_header(reader, frames_old[0], frames_new[0], keep_extras=keep)
        self._note_extras()
        for index, header in enumerate(frames_new):
            require_agreement(header, index, reader.pixel_format, pixel_header)
        geometry, status = derived_geometry(reader, frames_old, frames_new)
        return describe_series(
            pixel_format=reader.pixel_format,
            pixel_header=pixel_header,
            headers=new,
            merged=merged_metadata(frames_new),
            frame_count=reader.frame_count,
            geometry=geometry,
            dicom_status=status,
            codec_name=reader.codec_name,
            extra_parts=self._source_header(),
        )

    def _without_metadata(self, edits: UserEdits) -> SeriesSections:
        """Return the sections of a file that was not made from DICOM."""
        reader = self.reader
        if not edits.is_empty or self.profile is None:
            raise UnsupportedKindError(
                f"{reader.name}: the file has no DICOM metadata to edit",
                suggestion="load it, give it metadata with init_meta, and save it",
            )
        self._note_extras()
        return describe_series(
            pixel_format=reader.pixel_format,
            pixel_header=replace(reader.pixel_header, Extras={}),
            headers=None,
            merged=None,
            frame_count=reader.frame_count,
            geometry=reader.geometry,
            dicom_status=reader.dicom_status.value,
            codec_name=reader.codec_name,
            extra_parts=self._source_header(),
        )

    def _edited(self, old: list[SliceHeader], edits: UserEdits) -> list[SliceHeader]:
        new = old
        if self.profile is not None:
            from dicube_core.editing.deidentify import deidentified
            from dicube_core.editing.pixel_warnings import pixel_warnings

            profile = self.profile
            self.warnings += pixel_warnings(old, accept_burned_in=profile.accept_burned_in)
            if not profile.salt:
                self.warnings.append(
                    "no salt was given: UIDs and dates agree within this file, with no other"
                )
            new = deidentified(old, profile, profile.salt or secrets.token_bytes(32))
        new = _with_user_edits(new, edits)
        for before, after in zip(old, new, strict=True):
            found = changes(before, after)
            self.removed.note(found)
            self.trail.note(found)
        return self._renamed(new)

    def _renamed(self, headers: list[SliceHeader]) -> list[SliceHeader]:
        """Give all source files numbers for names, if a name says what was removed."""
        said = self.removed.names()
        if not any(text in header.name.lower() for header in headers for text in said):
            return headers
        result = []
        for index, header in enumerate(headers):
            renamed = replace(header, name=f"slice_{index:04d}.dcm")
            self.trail.note(changes(header, renamed))
            result.append(renamed)
        return result

    def _note_extras(self) -> None:
        """Take note of pixel header fields of other writers that a de-identification drops."""
        if self.profile is None:
            return
        for key, value in self.reader.pixel_header.Extras.items():
            text = value if isinstance(value, str) else json.dumps(value)
            leaf = Leaf(f"pixel header: {key}", "UT", text.encode("utf-8", "surrogatepass"), UTF8)
            self._note([Change(leaf, None)])

    def _source_header(self) -> dict[bytes, bytes]:
        header = self.reader.source_header
        # What made files of compressed frames says nothing of the patient.
        kept = self.reader.container.part(KEPT_ENCODING)
        parts = {} if kept is None else {KEPT_ENCODING: kept}
        if self.reader.frame_map is not None:  # nor does which frame is where
            parts[FRAME_MAP] = self.reader.frame_map.pack()
        if not header:
            return parts
        if self.profile is not None:
            from dicube_core.editing.nifti_header import blanked

            header, found = blanked(header)
            self._note(found)
        return {SOURCE_HEADER: header, **parts}

    def _note(self, found: list[Change]) -> None:
        self.removed.note(found)
        self.trail.note(found)


def _with_user_edits(headers: list[SliceHeader], edits: UserEdits) -> list[SliceHeader]:
    if edits.needs_rewrite:
        nested = []
        for index, header in enumerate(headers):
            try:
                head = rewrite(header.head, header.encoding, edits.of_slice(index, in_tail=False))
                tail = rewrite(header.tail, header.encoding, edits.of_slice(index, in_tail=True))
            except MetaDataError as error:
                raise MetaDataError(
                    f"slice {index}: {error.message}", None, error.suggestion
                ) from error
            changed = replace(header, head=head, tail=tail)
            nested.append(header if changed == header else with_file_meta_twins(changed))
        headers = nested
    return edited_headers(headers, edits.simple) if edits.simple else headers


def _reasons(profile: Deidentification | None) -> Callable[[Change], str]:
    def reason(change: Change) -> str:
        leaf = change.old or change.new
        if profile is None:
            return "edit"
        if leaf is None or isinstance(leaf.place, str):
            return "not part of the data set"
        if leaf.tag >> 16 == 0x0002:
            return "file meta information"
        if leaf.place[0][0] in MARKS:
            return "mark of de-identification"
        if any(tag & 0x10000 for tag, _ in leaf.place):
            return "private"
        actions = (action_of(tag, profile.options) for tag, _ in leaf.place)
        action = next((a for a in actions if a is not None), None)
        return "edit or not listed" if action is None else f"profile: {action.value}"

    return reason


def _actions(profile: Deidentification | None) -> Callable[[int], Action | None]:
    if profile is None:
        return lambda tag: None
    options = profile.options
    return lambda tag: None if tag & 0x10000 else action_of(tag, options)


def _means(path: ElementPath, place: str) -> bool:
    """Whether a path is the one of a place in words; the numbers of items do not count."""
    wanted = place_text(tuple((step.tag, 0) for step in path.steps))
    return place == wanted or place.endswith(f" > {wanted}")


def _copy(
    reader: Reader,
    target: Path,
    sections: SeriesSections,
    inspect: Callable[[BinaryIO], None] | None,
    progress: Callable[[int, int], None] | None,
) -> None:
    """Copy the frames as they are; checksum and structure of each are checked on the way."""
    count, table = reader.frame_count, reader.container.resolutions
    levels = 0 if table is None else table.levels
    with (
        ContainerWriter(target, sections, count, levels=levels) as writer,
        reader.reading_ahead(),
    ):
        for index in range(count):
            codestream = reader.codestream(index)
            reader.check_frame(index, codestream)
            prefixes = reader.container.prefixes(index, codestream)
            writer.append(codestream, [prefix.length for prefix in prefixes])
            if progress is not None:
                progress(index + 1, count)
        writer.commit(inspect)
