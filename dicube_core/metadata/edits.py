"""Edits of metadata, applied to the bytes of the slices' headers.

Elements that were not edited keep their bytes and their place. What an edit would change beside
them, by changing how they are read, is an error.
"""

from __future__ import annotations

from dataclasses import dataclass
from struct import pack
from typing import TYPE_CHECKING

from dicube_core.dataset._encode import encode_dataset, encode_element, value_of
from dicube_core.dataset._text import CHARACTER_SET, DEFAULT, CharacterSet, character_set_of
from dicube_core.dataset.elements import EXPLICIT_LITTLE, Element, Encoding, element_header, walk
from dicube_core.dataset.json_model import JsonElement, Level
from dicube_core.exceptions import MetaDataError
from dicube_core.metadata._edit_checks import require_others_unchanged, require_said
from dicube_core.metadata._edit_values import element_from_value

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "CharacterSet",
    "Edit",
    "apply_edits",
    "apply_meta_edits",
    "edits_for_slice",
    "element_from_value",
    "encode_dataset",
    "encode_element",
    "header_charset",
    "splice_edits",
]


@dataclass(frozen=True)
class Edit:
    """What became of one tag.

    Parameters
    ----------
    shared : dict, optional
        Element (DICOM JSON model) that all slices got.
    per_slice : tuple of (dict or None), optional
        Element of each slice, None where the slice shall not have it.

    Neither means that the tag was deleted.
    """

    shared: JsonElement | None = None
    per_slice: tuple[JsonElement | None, ...] | None = None

    @property
    def is_deleted(self) -> bool:
        """Whether no slice has the tag any more."""
        return self.shared is None and self.per_slice is None

    def element(self, index: int) -> JsonElement | None:
        """Return the element of one slice, None if it shall have none."""
        return self.shared if self.per_slice is None else self.per_slice[index]

    def reordered(self, order: list[int]) -> Edit:
        """Return the edit for slices in another order."""
        if self.per_slice is None:
            return self
        return Edit(None, tuple(self.per_slice[index] for index in order))


def header_charset(header: bytes, encoding: Encoding = EXPLICIT_LITTLE) -> CharacterSet:
    """Return the character set of a data set.

    Raises
    ------
    MetaDataError
        Not a data set, or it does not say.
    """
    return Level(header, encoding).charset


def edits_for_slice(
    edits: Mapping[int, Edit],
    index: int,
    encoding: Encoding = EXPLICIT_LITTLE,
    charset: CharacterSet = DEFAULT,
) -> dict[int, bytes | None]:
    """Return the edits of one slice as bytes, for `apply_edits`.

    Parameters
    ----------
    edits : mapping of tag to Edit
        As from ``DicomMeta.edits``.
    index : int
        Slice, in the order of the metadata.
    encoding, charset : optional
        Of the slice's header. An edit of (0008,0005) takes the place of `charset`.

    Raises
    ------
    MetaDataError
        A value cannot be written in the character set; the message names slice and tag.
    """
    named = edits.get(CHARACTER_SET)
    if named is not None:
        charset = character_set_of((named.element(index) or {}).get("Value") or ())
    result: dict[int, bytes | None] = {}
    for tag, edit in sorted(edits.items()):
        element = edit.element(index)
        if element is None:
            result[tag] = None
            continue
        try:
            value = value_of(tag, element)
            result[tag] = encode_element(tag, element["vr"], value, encoding, charset)
        except MetaDataError as error:
            raise MetaDataError(
                f"slice {index}: {error.message}", None, error.suggestion
            ) from error
    return result


def apply_meta_edits(
    header: bytes, encoding: Encoding, edits: Mapping[int, Edit], index: int
) -> bytes:
    """Return a slice's header with the edits of its metadata; see `apply_edits`.

    Raises
    ------
    MetaDataError
        As of `apply_edits`, or an element would not read as it was set.
    """
    charset = header_charset(header, encoding)
    edited = apply_edits(header, encoding, edits_for_slice(edits, index, encoding, charset))
    require_said(edited, encoding, {tag: edit.element(index) for tag, edit in edits.items()})
    return edited


def apply_edits(
    header: bytes, encoding: Encoding, edits_for_slice: Mapping[int, bytes | None]
) -> bytes:
    """Replace, insert and remove top-level elements of a data set.

    Parameters
    ----------
    header : bytes
        Data set, little endian.
    encoding : Encoding
        Of `header` and of the elements given.
    edits_for_slice : mapping of tag to (bytes or None)
        The whole element, or None to remove it. New elements go to their place in tag order.

    Returns
    -------
    bytes
        Everything else is byte-identical, but for the group lengths (PS3.5 7.2) of edited groups,
        which are counted anew.

    Raises
    ------
    MetaDataError
        The header is not a data set, or an edit would change what another element says: a new
        character set that other text is not written in, another PixelRepresentation in an
        implicit data set, a private creator that elements are left without.
    """
    result = splice_edits(header, encoding, edits_for_slice)
    require_others_unchanged(header, result, encoding, edits_for_slice)
    return result


def splice_edits(
    header: bytes, encoding: Encoding, edits_for_slice: Mapping[int, bytes | None]
) -> bytes:
    """Do what `apply_edits` does without its check, for a part of a data set."""
    if not edits_for_slice:
        return header
    elements = list(walk(header, encoding))
    parts = _spliced(header, elements, edits_for_slice)
    groups = {tag >> 16 for tag in edits_for_slice}
    return b"".join(_with_group_lengths(parts, groups, set(edits_for_slice), encoding))


def _spliced(
    header: bytes, elements: list[Element], edits: Mapping[int, bytes | None]
) -> list[tuple[int, bytes]]:
    """Return (tag, bytes) of the edited data set."""
    parts: list[tuple[int, bytes]] = []
    pending = dict(sorted((tag, data) for tag, data in edits.items() if data is not None))
    existing = {element.tag for element in elements}
    for element in elements:
        # What is new goes before the first greater tag; what exists is replaced where it stands.
        before = [tag for tag in pending if tag < element.tag and tag not in existing]
        parts += [(tag, pending.pop(tag)) for tag in before]
        if element.tag not in edits:
            parts.append((element.tag, header[element.start : element.stop]))
        elif element.tag in pending:
            parts.append((element.tag, pending.pop(element.tag)))
    return parts + list(pending.items())


def _with_group_lengths(
    parts: list[tuple[int, bytes]], groups: set[int], edited: set[int], encoding: Encoding
) -> list[bytes]:
    result = []
    for position, (tag, part) in enumerate(parts):
        if tag & 0xFFFF == 0 and tag >> 16 in groups and tag not in edited and len(part) >= 12:
            length = sum(len(data) for t, data in parts[position + 1 :] if t >> 16 == tag >> 16)
            result.append(element_header(tag, b"UL", 4, encoding) + pack("<I", length))
        else:
            result.append(part)
    return result
