"""Bring metadata edits into the headers of the slices."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from dicube_core.dataset.elements import EXPLICIT_LITTLE, PIXEL_DATA, element_header, walk
from dicube_core.exceptions import MetaDataError
from dicube_core.metadata._edit_checks import require_others_unchanged, require_said
from dicube_core.metadata.edits import edits_for_slice, header_charset, splice_edits

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dicube_core.dicom.headers import SliceHeader
    from dicube_core.metadata.edits import Edit

__all__ = ["edited_headers", "with_file_meta_twins"]

#: Data set element -> its twin in the file meta information (PS3.10 7.1).
_TWINS = {0x00080016: 0x00020002, 0x00080018: 0x00020003}


def edited_headers(headers: Sequence[SliceHeader], edits: Mapping[int, Edit]) -> list[SliceHeader]:
    """Return the headers with the edits applied; elements not edited keep their bytes.

    Raises
    ------
    MetaDataError
        A value cannot be written in a slice's encoding or character set, would not read as it was
        set, or would change what other elements say.
    """
    return [_edited(header, edits, index) for index, header in enumerate(headers)]


def _edited(header: SliceHeader, edits: Mapping[int, Edit], index: int) -> SliceHeader:
    whole = header.dataset
    charset = header_charset(whole, header.encoding)
    changes = edits_for_slice(edits, index, header.encoding, charset)
    before = {tag: value for tag, value in changes.items() if tag < PIXEL_DATA}
    after = {tag: value for tag, value in changes.items() if tag > PIXEL_DATA}
    head = splice_edits(header.head, header.encoding, before)
    tail = splice_edits(header.tail, header.encoding, after)
    edited = replace(header, head=head, tail=tail)
    try:
        # The data set as a whole: what stands before the pixels says how what follows is read.
        require_others_unchanged(whole, edited.dataset, header.encoding, changes)
        wanted = {tag: edit.element(index) for tag, edit in edits.items()}
        require_said(edited.dataset, header.encoding, wanted)
    except MetaDataError as error:
        raise MetaDataError(f"slice {index}: {error.message}", None, error.suggestion) from error
    file_meta = header.file_meta
    if file_meta and changes.keys() & _TWINS.keys():
        file_meta = _with_twins(file_meta, head, header)
    return replace(edited, file_meta=file_meta)


def with_file_meta_twins(header: SliceHeader) -> SliceHeader:
    """Return a header whose file meta information names the SOP class and instance it has."""
    if not header.file_meta:
        return header
    return replace(header, file_meta=_with_twins(header.file_meta, header.head, header))


def _with_twins(file_meta: bytes, head: bytes, header: SliceHeader) -> bytes:
    """Make the file meta information name the same SOP class and instance as the data set."""
    values = {
        _TWINS[e.tag]: head[e.value : e.value_stop]
        for e in walk(head, header.encoding, until=0x00080019)
        if e.tag in _TWINS
    }
    parts: list[bytes] = []
    length_at = None
    for element in walk(file_meta):
        piece = file_meta[element.start : element.stop]
        if element.tag == 0x00020000:
            length_at = len(b"".join(parts)) + 8
        elif element.tag in _TWINS.values():
            value = values.get(element.tag)
            if value is None:  # the element was deleted: nothing may go on naming it
                continue
            piece = element_header(element.tag, b"UI", len(value), EXPLICIT_LITTLE) + value
        parts.append(piece)
    data = b"".join(parts)
    if length_at is not None:
        length = (len(data) - length_at - 4).to_bytes(4, "little")
        data = data[:length_at] + length + data[length_at + 4 :]
    return data
