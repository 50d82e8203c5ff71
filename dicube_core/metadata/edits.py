"""Edits of metadata, applied to the bytes of the slices' headers.

Elements that were not edited keep their bytes and their place. What an edit would change beside
them, by changing how they are read, is an error.
"""

from __future__ import annotations

from dataclasses import dataclass
from struct import pack
from typing import TYPE_CHECKING

from dicube_core.dataset._encode import encode_dataset, encode_element, value_of
from dicube_core.dataset._text import DEFAULT, CharacterSet, character_set
from dicube_core.dataset._vr import is_private_creator
from dicube_core.dataset.elements import EXPLICIT_LITTLE, Element, Encoding, element_header, walk
from dicube_core.dataset.json_model import JsonElement, Level, dataset_to_json
from dicube_core.exceptions import MetaDataError
from dicube_core.metadata._edit_values import element_from_value, tag_name

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
]

_CHARACTER_SET = 0x00080005
#: Elements that say how others are read: character set, sign of US/SS, kind of LUT Data.
_CONTEXT = frozenset((_CHARACTER_SET, 0x00280103, 0x00283002, 0x54001004))


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
    """Return the character set of a data set."""
    for element in walk(header, encoding):
        if element.tag == _CHARACTER_SET:
            return character_set(header[element.value : element.value_stop])
        if element.tag > _CHARACTER_SET:
            break
    return DEFAULT


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
    named = edits.get(_CHARACTER_SET)
    if named is not None:
        charset = _charset_of(named.element(index))
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


def _charset_of(element: JsonElement | None) -> CharacterSet:
    names = (element or {}).get("Value") or []
    return character_set("\\".join(str(name or "") for name in names).encode("latin-1", "replace"))


def apply_meta_edits(
    header: bytes, encoding: Encoding, edits: Mapping[int, Edit], index: int
) -> bytes:
    """Return a slice's header with the edits of its metadata; see `apply_edits`."""
    charset = header_charset(header, encoding)
    return apply_edits(header, encoding, edits_for_slice(edits, index, encoding, charset))


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
    if not edits_for_slice:
        return header
    elements = list(walk(header, encoding))
    parts = _spliced(header, elements, edits_for_slice)
    groups = {tag >> 16 for tag in edits_for_slice}
    result = b"".join(_with_group_lengths(parts, groups, set(edits_for_slice), encoding))
    if any(tag in _CONTEXT or is_private_creator(tag) for tag in edits_for_slice):
        _check_others(header, result, encoding, edits_for_slice)
    return result


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


def _check_others(
    before: bytes, after: bytes, encoding: Encoding, edits: Mapping[int, bytes | None]
) -> None:
    """Make sure that elements which were not edited still say the same."""
    old, new = dataset_to_json(before, encoding), dataset_to_json(after, encoding)
    keys = {f"{tag:08X}" for tag in edits}
    changed = sorted(key for key in old if key not in keys and old[key] != new.get(key))
    orphans = sorted(_orphans(Level(after, encoding)) - _orphans(Level(before, encoding)))
    if changed:
        raise MetaDataError(
            f"the edit would change what {tag_name(int(changed[0], 16))} says "
            f"({len(changed)} elements in all)",
            suggestion="set these elements, too, or leave the character set, "
            "PixelRepresentation or private creator as it is",
        )
    if orphans:
        raise MetaDataError(
            f"private element {tag_name(orphans[0])} would be left without its creator",
            suggestion="delete the private elements together with their creator",
        )


def _orphans(level: Level) -> set[int]:
    """Return the private elements whose block nobody reserved."""
    return {
        tag
        for tag in level.elements
        if tag & 0x10000 and tag & 0xFFFF > 0xFF and not level.creator(tag)
    }
